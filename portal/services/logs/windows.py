"""A part of a kept output: the newest lines, those before or behind a place, around a line.

A place is the bytes before it, one number for each of the view's files: what is read from
there is neither read twice nor left out, however the files grow. Several files are read as
one in order of their times. Bounded in lines and in bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from portal.domain.kept_line import sort_key
from portal.services.logs.files import read_from, size, split_lines
from portal.services.logs.outputs import View

NEWEST = 2000
MOST_BYTES = 8 * 1024 * 1024
GROWTH_BYTES = 256 * 1024
_FIRST_BYTES = 512 * 1024
_LEAST_BYTES = 32 * 1024
"""At least so much of each of many files: more than its longest line."""
Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A kept line and the number of its file in the view."""

    file: int
    line: bytes


@dataclass(frozen=True, slots=True)
class Window:
    """Lines in order, the place before the first and the place behind the last.

    ``more``: there are later lines already.
    """

    rows: list[Row]
    begin: Place
    end: Place
    more: bool = False


@dataclass(slots=True)
class _Block:
    """Lines of one file with what sorts them; ``cut``: there are further ones."""

    lines: list[bytes]
    begin: int
    end: int
    cut: bool
    keys: list[bytes]


def newest(view: View, lines: int = NEWEST, room: int = MOST_BYTES) -> Window:
    """The newest whole lines."""
    return before(view, tuple(size(path) for path in view.paths), lines, room)


def before(view: View, place: Place, lines: int = NEWEST, room: int = MOST_BYTES) -> Window:
    """The whole lines that end at ``place``, the newest of them; the oldest give way first."""
    share = _share(room, view)
    blocks = [_back(path, end, lines, share) for path, end in zip(view.paths, place, strict=True)]
    # Before a file's first line that was read others may not be told: there is a gap.
    edge = max((block.keys[0] for block in blocks if block.cut and block.keys), default=b"")
    rows = [row for key, row in _in_order(blocks) if key >= edge]
    rows = _newest_within(rows[-lines:] if lines else [], room)
    ends = tuple(block.end for block in blocks)
    return Window(rows, _less(ends, rows), ends)


def after(view: View, place: Place, lines: int = NEWEST, room: int = GROWTH_BYTES) -> Window:
    """The whole lines from ``place`` on, the oldest of them."""
    share = _share(room, view)
    blocks = [_on(path, begin, share) for path, begin in zip(view.paths, place, strict=True)]
    edge = min((block.keys[-1] for block in blocks if block.cut and block.keys), default=None)
    ready = [row for key, row in _in_order(blocks) if edge is None or key <= edge]
    rows = ready[:lines]
    end = _less(place, rows, -1)
    return Window(rows, place, end, len(rows) < len(ready) or any(block.cut for block in blocks))


def around(view: View, place: Place, above: int, lines: int = NEWEST) -> tuple[Window, int]:
    """The lines at ``place`` with up to ``above`` before them; how many these are."""
    earlier = before(view, place, above)
    later = after(view, place, lines - len(earlier.rows), MOST_BYTES)
    rows = earlier.rows + later.rows
    return Window(rows, earlier.begin, later.end, later.more), len(earlier.rows)


def _share(room: int, view: View) -> int:
    return max(_LEAST_BYTES, room // max(1, len(view.paths)))


def _back(path: Path, end: int, lines: int, most: int) -> _Block:
    """The last lines of the file's first ``end`` bytes.

    Reads what ends there; more of it until there are enough lines.
    """
    room = min(_FIRST_BYTES, most)
    while True:
        start = max(0, end - room)
        block = read_from(path, start, end - start)
        found = split_lines(block)
        if start and len(found) > 1:
            found = found[1:]  # its beginning may be missing
        if len(found) >= lines or not start or room >= most:
            break
        room = min(room * 4, most)
    stop = start + len(block)
    found = found[-lines:] if lines else []
    begin = stop - sum(map(len, found))
    return _Block(found, begin, stop, begin > 0, _keys(found))


def _on(path: Path, begin: int, most: int) -> _Block:
    block = read_from(path, begin, most)
    lines = split_lines(block)
    end = begin + len(block)
    # A line that is being written is not there yet; what the read had no room for is.
    cut = bool(block) and len(block) > most - _LEAST_BYTES and size(path) > end
    return _Block(lines, begin, end, cut, _keys(lines))


def _keys(lines: Sequence[bytes]) -> list[bytes]:
    """What the lines are sorted by: their times, which never go back within one file."""
    keys, latest = [], b""
    for line in lines:
        latest = max(latest, sort_key(line))
        keys.append(latest)
    return keys


def _in_order(blocks: Sequence[_Block]) -> Iterator[tuple[bytes, Row]]:
    def keyed(number: int, block: _Block) -> Iterator[tuple[bytes, Row]]:
        for key, line in zip(block.keys, block.lines, strict=True):
            yield key, Row(number, line)

    runs = [keyed(number, block) for number, block in enumerate(blocks)]
    return runs[0] if len(runs) == 1 else heapq.merge(*runs, key=lambda pair: pair[0])


def _newest_within(rows: list[Row], room: int) -> list[Row]:
    """The last rows that have room together, at least one."""
    taken = 0
    for number, row in enumerate(reversed(rows)):
        taken += len(row.line)
        if taken > room and number:
            return rows[len(rows) - number :]
    return rows


def _less(place: Place, rows: Sequence[Row], sign: int = 1) -> Place:
    """The place so many bytes earlier (later with ``sign`` -1) as the rows have."""
    offsets = list(place)
    for row in rows:
        offsets[row.file] -= sign * len(row.line)
    return tuple(offsets)
