"""Output of the local runtime: cut into lines, kept, read again."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.adapters.local.output import read_lines
from portal.adapters.local.shim import pump
from portal.adapters.local.shim.pump import LONGEST_LINE, LineLog

STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z ")


def kept(tmp_path: Path, *chunks: bytes) -> list[bytes]:
    """What the log holds after these reads, without the times."""
    path = tmp_path / "log"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        lines = LineLog(fd)
        for chunk in chunks:
            lines.feed(chunk)
        lines.finish()
    finally:
        os.close(fd)
    written = path.read_bytes().splitlines(keepends=True)
    assert all(STAMP.match(line) and line.endswith(b"\n") for line in written)
    return [line[28:-1] for line in written]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntwo\n"], [b"one", b"two"]),
        ([b"on", b"e\ntw", b"o\n"], [b"one", b"two"]),
        ([b"no end"], [b"no end"]),
        ([b"a\n\n\nb\n"], [b"a", b"", b"", b"b"]),
        ([b"\n"], [b""]),
        ([], []),
        ([b"dos\r\nlines\r\n"], [b"dos", b"lines"]),
        ([b"dos\r", b"\nlines\r\n"], [b"dos", b"lines"]),
        ([b"\r 10%\r 20%\r 30%\ndone\n"], [b" 30%", b"done"]),
        ([b"10%\r", b"20%\r", b"30%\r"], [b"30%"]),
        ([b"10%\r", b"\r20%"], [b"20%"]),
        ([b"10%\r20%\r", b"Traceback\n"], [b"Traceback"]),
        ([b"bar\r\n\nafter\n"], [b"bar", b"", b"after"]),
    ],
)
def test_lines(tmp_path: Path, chunks: list[bytes], lines: list[bytes]) -> None:
    assert kept(tmp_path, *chunks) == lines


def test_a_bar_is_one_line_that_is_seen_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(pump.time, "monotonic", lambda: seconds[0])
    log, live = tmp_path / "1-main.log", tmp_path / "1-main.live"
    fd = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    lines = LineLog(fd, str(live))
    lines.feed(b"begun\n")
    assert (live.exists(), lines.due_s()) == (False, None)
    lines.feed(b"\r 1%")
    place = len(log.read_bytes())
    assert re.fullmatch(rb"%d \S+Z  1%%" % place, live.read_bytes())
    for number in range(2, 60):
        lines.feed(b"\r%2d%%" % number)
    assert live.read_bytes().endswith(b" 1%")
    assert lines.due_s() == 1.0
    seconds[0] = 1.0
    lines.show()
    assert live.read_bytes().endswith(b" 59%")
    assert lines.due_s() is None
    lines.feed(b"\r\nValueError: no\n")
    lines.finish()
    os.close(fd)
    assert [line[28:] for line in log.read_bytes().splitlines()] == [
        b"begun", b"59%", b"ValueError: no",
    ]  # fmt: skip
    assert not live.exists()


@pytest.mark.parametrize("size", [1000, 4096, 65536])
def test_a_long_line_is_continued(tmp_path: Path, size: int) -> None:
    text = b"x" * (LONGEST_LINE * 2 + 100) + b"\nnext\n"
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    lines = kept(tmp_path, *chunks)
    assert [len(line) for line in lines] == [LONGEST_LINE, LONGEST_LINE, 100, 4]


def test_a_character_is_not_cut(tmp_path: Path) -> None:
    text = "é" * LONGEST_LINE
    lines = kept(tmp_path, b"x" + text.encode() + b"\n")
    assert "".join(line.decode() for line in lines) == "x" + text


def test_a_full_disk_drops_lines_and_says_so(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    path = tmp_path / "log"
    free = os.open(path, os.O_CREAT | os.O_WRONLY)
    lines = LineLog(full)
    lines.feed(b"lost\nlost\n")
    os.dup2(free, full)
    lines.feed(b"kept\n")
    os.close(full)
    os.close(free)
    assert b"2 lines are missing" in path.read_bytes()
    assert path.read_bytes().endswith(b" kept\n")


def test_reading_follows_a_file_that_comes_late_and_grows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    stamp = b"2026-11-02T12:00:00.000000Z "
    steps = iter([b"", stamp + b"on", b"e\n", stamp + b"two\n"])

    def goes_on() -> bool:
        step = next(steps, None)
        if step:
            with path.open("ab") as file:
                file.write(step)
        return step is not None

    assert list(read_lines(path, None, goes_on)) == [stamp + b"one\n", stamp + b"two\n"]


def test_what_is_older_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(
        b"2026-11-02T11:59:59.999999Z old\n"
        b"2026-11-02T12:00:00.100000Z same second\n"
        b"2026-11-02T12:00:01.000000Z new\n"
    )
    since = datetime(2026, 11, 2, 12, 0, 0, 900_000, tzinfo=UTC)
    lines = list(read_lines(path, since, lambda: False))
    assert [line[28:] for line in lines] == [b"same second\n", b"new\n"]
