"""Search over everything that is kept: right numbers and places, bounded time and memory."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_log_windows import stamped, view_of

from portal.domain.kept_line import plain, text_of
from portal.services.logs import searching
from portal.services.logs.searching import search


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "_BLOCK", 4096)


def numbers(view: searching.View, text: str) -> list[int]:
    return [hit.number for hit in search([view], text, limit=10_000).hits]


def test_the_first_of_many_lines_is_found(tmp_path: Path) -> None:
    lines = [stamped(n, f"step {n} loss 1.{n}") for n in range(20_000)]
    view = view_of(tmp_path, stamped(0, "seed is 4711") + b"".join(lines))
    found = search([view], "SEED IS", limit=5)
    assert (found.total, found.complete, found.first) == (1, True, 0)
    (hit,) = found.hits
    assert (hit.number, hit.offset, hit.line) == (1, 0, stamped(0, "seed is 4711"))
    found = search([view], "step 19999 ", limit=5)
    assert [hit.number for hit in found.hits] == [20_001]
    path = view.paths[0]
    with path.open("rb") as file:
        file.seek(found.hits[0].offset)
        assert file.readline() == lines[-1]


def test_hits_are_given_out_in_parts(tmp_path: Path) -> None:
    view = view_of(tmp_path, b"".join(stamped(n, f"loss {n}") for n in range(1000)))
    part = search([view], "loss", skip=250, limit=100)
    assert (part.first, part.total, len(part.hits)) == (250, 1000, 100)
    assert [hit.number for hit in part.hits] == list(range(251, 351))
    last = search([view], "loss", skip=None, limit=100)
    assert (last.first, last.total) == (900, 1000)
    assert [hit.number for hit in last.hits] == list(range(901, 1001))
    beyond = search([view], "loss", skip=5000, limit=100)
    assert (beyond.hits, beyond.total) == ([], 1000)


def test_what_one_does_not_read_is_not_found(tmp_path: Path) -> None:
    view = view_of(
        tmp_path,
        stamped(0, "2026 in words")
        + stamped(0, "lo\x1b[1mss\x1b[0m 1")
        + stamped(0, "10%\r20%\r\r")
        + stamped(0, "wrog\bng"),
    )
    assert numbers(view, "2026-11") == []
    assert numbers(view, "2026") == [1]
    assert numbers(view, "[1m") == []
    assert numbers(view, "loss 1") == [2]
    assert numbers(view, "10%") == []
    assert numbers(view, "20%") == [3]
    assert numbers(view, "wrong") == [4]


@pytest.mark.parametrize("text", ["损失", "GRÖSSE", "größe", "Ärger"])
def test_letters_of_any_language(tmp_path: Path, text: str) -> None:
    said = ["损失 0.3", "Größe und GRÖSSE", "größe", "ÄRGER", "other"]
    view = view_of(tmp_path, b"".join(stamped(0, one) for one in said))
    expected = [n for n, one in enumerate(said, 1) if text.lower() in one.lower()]
    assert numbers(view, text) == expected != []


def test_replicas_together_are_searched_by_time(tmp_path: Path) -> None:
    view = view_of(
        tmp_path,
        stamped(1, "error a") + stamped(4, "error b"),
        stamped(2, "fine") + stamped(3, "error c"),
    )
    hits = search([view], "error", limit=10).hits
    assert [(hit.file, hit.number) for hit in hits] == [(0, 1), (1, 2), (0, 2)]


def test_a_search_ends_when_its_time_is_up(tmp_path: Path) -> None:
    view = view_of(tmp_path, b"".join(stamped(n, f"loss {n}") for n in range(5000)))
    ticks = itertools.count()
    found = search([view], "loss", limit=10_000, time_s=10, clock=lambda: float(next(ticks)))
    assert not found.complete
    assert 0 < found.total < 5000
    assert [hit.number for hit in found.hits] == list(range(1, found.total + 1))


def test_a_search_needs_little_memory(tmp_path: Path) -> None:
    view = view_of(tmp_path, b"".join(stamped(n, "loss " + "x" * 900) for n in range(20_000)))
    tracemalloc.start()
    found = search([view], "loss", skip=None, limit=10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.total == 20_000
    assert peak < 1_000_000


SAID = st.text("ab \r\b\x1b[m1é", max_size=12)


@settings(deadline=None)
@given(said=st.lists(SAID, max_size=60), text=st.text("abé1", min_size=1, max_size=3))
def test_it_finds_what_reading_line_by_line_finds(
    tmp_path_factory: pytest.TempPathFactory, said: list[str], text: str
) -> None:
    lines = [stamped(n, one) for n, one in enumerate(said)]
    view = view_of(tmp_path_factory.mktemp("logs"), b"".join(lines))
    expected = [
        number
        for number, line in enumerate(lines, 1)
        if text.lower() in plain(text_of(line)).decode().lower()
    ]
    assert numbers(view, text) == expected
