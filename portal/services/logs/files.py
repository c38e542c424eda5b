"""Files of kept output: lines ``<RFC 3339 time, UTC> <text>\\n``, read from their end."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from portal.domain.errors import TemporaryFailure

BLOCK = 65536


@contextmanager
def reading() -> Iterator[None]:
    """Around a read: a file system that refuses or is away is a ``TemporaryFailure``.

    A file that is not there yet stays what it is: there is no output so far.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TemporaryFailure(f"The output cannot be read: {error}") from error


def time_of(line: bytes) -> datetime | None:
    """The time at the beginning of a kept line."""
    stamp = line.split(b" ", 1)[0].rstrip(b"\n").decode("ascii", "replace")
    try:
        return datetime.fromisoformat(_microseconds(stamp))
    except ValueError:
        return None


def _microseconds(stamp: str) -> str:
    """Cut nanoseconds: Python's parser takes six digits."""
    head, dot, rest = stamp.partition(".")
    if not dot:
        return stamp
    digits = rest.rstrip("Z")
    return f"{head}.{digits[:6].ljust(6, '0')}+00:00" if rest.endswith("Z") else stamp


def read_from(path: Path, offset: int, maximum: int = 262144) -> bytes:
    """Whole lines from ``offset`` on, of at most ``maximum`` bytes."""
    try:
        with reading(), path.open("rb") as file:
            file.seek(offset)
            block = file.read(maximum)
    except FileNotFoundError:
        return b""
    end = block.rfind(b"\n") + 1
    return block[:end] if end else (block if len(block) == maximum else b"")


def size(path: Path) -> int:
    """Bytes kept so far."""
    try:
        with reading():
            return path.stat().st_size
    except FileNotFoundError:
        return 0


def tail(path: Path, lines: int) -> list[bytes]:
    """The last ``lines`` lines of a file, read from its end."""
    if lines <= 0:
        return []
    try:
        with reading(), path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            position = file.tell()
            blocks: deque[bytes] = deque()
            newlines = 0
            while position > 0 and newlines <= lines:
                size = min(BLOCK, position)
                position -= size
                file.seek(position)
                block = file.read(size)
                newlines += block.count(b"\n")
                blocks.appendleft(block)
    except FileNotFoundError:
        return []
    return split_lines(b"".join(blocks))[-lines:]


def split_lines(block: bytes) -> list[bytes]:
    """The lines with their ends. Only ``\\n`` ends one: a progress bar's ``\\r`` is text."""
    lines = [line + b"\n" for line in block.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def offset_of_tail(path: Path, lines: int) -> int:
    """Where the newest ``lines`` whole lines of a file begin."""
    try:
        with reading(), path.open("rb") as file:
            position = file.seek(0, os.SEEK_END)
            left = lines + 1  # the line before the first wanted one ends there
            while position > 0:
                size = min(BLOCK, position)
                position -= size
                file.seek(position)
                block = file.read(size)
                found = len(block)
                while (found := block.rfind(b"\n", 0, found)) >= 0:
                    left -= 1
                    if left == 0:
                        return position + found + 1
    except FileNotFoundError:
        pass
    return 0


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a file that comes in blocks; the last may lack its line end."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest
