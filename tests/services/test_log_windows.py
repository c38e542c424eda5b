"""Parts of kept output: nothing is read twice and nothing left out, however it is asked for."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.job import AttemptRef
from portal.domain.kept_line import sort_key
from portal.services.logs import positions, windows
from portal.services.logs.outputs import View
from portal.services.logs.positions import LineIndex
from portal.services.logs.whole import as_text, whole

START = datetime(2026, 11, 2, 12, tzinfo=UTC)


def stamped(second: float, text: str) -> bytes:
    return f"{START + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S.%f}Z {text}\n".encode()


def view_of(folder: Path, *outputs: bytes) -> View:
    paths = tuple(folder / f"1-worker-{rank}.log" for rank in range(len(outputs)))
    for path, output in zip(paths, outputs, strict=True):
        path.write_bytes(output)
    return View(AttemptRef("a", 1), tuple(path.stem[2:] for path in paths), paths)


def texts(window: windows.Window) -> list[str]:
    return [row.line.decode().partition(" ")[2].rstrip("\n") for row in window.rows]


def test_replicas_together_are_in_order_of_time(tmp_path: Path) -> None:
    view = view_of(
        tmp_path,
        stamped(1, "a1") + stamped(3, "a3") + stamped(3, "a3 too"),
        stamped(0.5, "b0") + stamped(2, "b2") + stamped(4, "b4"),
    )
    newest = windows.newest(view)
    assert texts(newest) == ["b0", "a1", "b2", "a3", "a3 too", "b4"]
    assert [row.file for row in newest.rows] == [1, 0, 1, 0, 0, 1]
    assert newest.begin == (0, 0)
    three = windows.newest(view, 3)
    assert texts(three) == ["a3", "a3 too", "b4"]
    assert texts(windows.before(view, three.begin)) == ["b0", "a1", "b2"]
    with view.paths[0].open("ab") as file:
        file.write(stamped(5, "a5") + b"2026-11-02T12:00:06Z half a li")
    grown = windows.after(view, three.end)
    assert (texts(grown), grown.more) == (["a5"], False)


OUTPUTS = st.lists(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([1, 900, 15_000])), max_size=30),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(outputs=OUTPUTS, lines=st.integers(1, 9), room=st.sampled_from([1, 40_000, 1 << 20]))
def test_paging_back_and_on_gives_every_line_once(
    tmp_path_factory: pytest.TempPathFactory,
    outputs: list[list[tuple[int, int]]],
    lines: int,
    room: int,
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    written = [
        [stamped(second, f"{number} {'x' * size}") for number, (second, size) in enumerate(output)]
        for output in outputs
    ]
    view = view_of(folder, *(b"".join(output) for output in written))
    window = windows.newest(view, lines, room)
    back = [window.rows]
    while any(window.begin):
        window = windows.before(view, window.begin, lines, room)
        assert window.rows
        back.insert(0, window.rows)
    window = windows.after(view, tuple(0 for _ in outputs), lines, room)
    on = [window.rows]
    while window.more:
        window = windows.after(view, window.end, lines, room)
        assert window.rows
        on.append(window.rows)
    for pages in (back, on):
        found = [row for page in pages for row in page]
        for file, output in enumerate(written):
            assert [row.line for row in found if row.file == file] == output
        if all(output == sorted(output, key=sort_key) for output in written):
            times = [sort_key(row.line) for row in found]
            assert times == sorted(times)
    assert sorted(line for _, line in whole(view)) == sorted(chain.from_iterable(written))


def test_a_window_is_bounded_in_bytes(tmp_path: Path) -> None:
    view = view_of(tmp_path, b"".join(stamped(n, "x" * 16_000) for n in range(4000)))
    tracemalloc.start()
    newest = windows.newest(view, 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = sum(len(row.line) for row in newest.rows)
    assert 8_000_000 < size <= 8 * 1024 * 1024
    assert newest.end == (view.paths[0].stat().st_size,)
    assert peak < 4 * size


def test_lines_by_number_and_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "STEP", 1000)
    lines = [stamped(n, f"line {n + 1} {'x' * (n % 90)}") for n in range(5000)]
    path = view_of(tmp_path, b"".join(lines)).paths[0]
    index, starts = LineIndex(), [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for number in (1, 2, 17, 4321, 5000):
        assert index.offset_of_line(path, number) == starts[number - 1]
        assert index.lines_before(path, starts[number - 1]) == number - 1
        at = START + timedelta(seconds=number - 1)
        assert positions.offset_of_time(path, at) == starts[number - 1]
        assert positions.time_at(path, starts[number - 1]) == at
    assert index.offset_of_line(path, 5001) is None
    assert index.line_or_end(path, 5001) == starts[-1]
    assert index.lines_before(path, starts[-1]) == 5000
    assert positions.offset_of_time(path, START - timedelta(days=1)) == 0
    assert positions.offset_of_time(path, START + timedelta(days=1)) == starts[-1]
    with path.open("ab") as file:
        file.write(stamped(6000, "grown"))
    assert index.offset_of_line(path, 5001) == starts[-1]
    assert LineIndex().lines_before(path, starts[-1], 500) is None
    path.write_bytes(lines[0])
    assert index.lines_before(path, starts[1]) == 1
    assert index.offset_of_line(path, 2) is None
    assert index.offset_of_line(tmp_path / "none", 1) is None
    assert index.lines_before(tmp_path / "none", 0) == 0


def test_around_a_place_there_are_lines_on_both_sides(tmp_path: Path) -> None:
    lines = [stamped(n, f"line {n + 1}") for n in range(300)]
    view = view_of(tmp_path, b"".join(lines))
    place = (sum(map(len, lines[:149])),)
    window, target = windows.around(view, place, 10, 30)
    assert (texts(window)[0], texts(window)[target], texts(window)[-1]) == (
        "line 140", "line 150", "line 169",
    )  # fmt: skip
    assert window.more
    assert windows.around(view, (0,), 10, 30)[1] == 0


def test_the_whole_output_with_and_without_times_and_styles(tmp_path: Path) -> None:
    view = view_of(
        tmp_path, stamped(0, "\x1b[1;31mred\x1b[0m"), stamped(1, "10%\r20%") + stamped(2, "a\bb")
    )
    shown = b"".join(as_text(view, times=True, styles=True, labels=("rank0", "rank1")))
    assert shown.decode() == (
        "2026-11-02T12:00:00.000000Z rank0 \x1b[1;31mred\x1b[0m\n"
        "2026-11-02T12:00:01.000000Z rank1 20%\n"
        "2026-11-02T12:00:02.000000Z rank1 a\bb\n"
    )
    assert b"".join(as_text(view, times=False, styles=False)) == b"red\n20%\nb\n"
