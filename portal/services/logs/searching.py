"""Looks for a text in all that is kept: block by block, for a bounded time.

Found is what one reads: without times, styles and drawn-over states, in any case of letters.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from portal.domain.kept_line import plain, sort_key, stamp_of, text_of
from portal.services.logs.files import reading
from portal.services.logs.outputs import View

TIME_S = 5.0
"""So long a search may take; then it says that it is not complete."""
MOST_TEXT = 200
"""Characters that can be looked for."""
_BLOCK = 1024 * 1024
_SMALL_BLOCK = 64 * 1024
"""Of each file when many are searched at once."""
_MANY = 8


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that holds the text; ``file`` is its number in the view, ``offset`` its place."""

    view: View
    file: int
    number: int
    offset: int
    line: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the hits, in order, and where they stand among all ``total``.

    Not ``complete``: time was up, there may be more behind.
    """

    hits: list[Hit]
    first: int
    total: int
    complete: bool


class _Time:
    """What a search has left."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = clock() + seconds
        self.is_up = False

    def passes(self) -> bool:
        """Note and say whether time is up."""
        self.is_up = self.is_up or self._clock() > self._end
        return self.is_up


def search(
    views: Sequence[View],
    text: str,
    *,
    skip: int | None = 0,
    limit: int,
    time_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """The hits from the ``skip``-th on, at most ``limit``; ``None``: the last ones.

    Views come one after the other; the files of one view in order of time.
    """
    left = _Time(TIME_S if time_s is None else time_s, clock)
    every = chain.from_iterable(_of_view(view, text, left) for view in views)
    kept: deque[Hit] = deque(maxlen=limit if skip is None else None)
    total = 0
    for hit in every:
        if skip is None or skip <= total < skip + limit:
            kept.append(hit)
        total += 1
    first = total - len(kept) if skip is None else min(skip, total)
    return Found(list(kept), first, total, not left.is_up)


def _of_view(view: View, text: str, left: _Time) -> Iterator[Hit]:
    size = _BLOCK if len(view.paths) <= _MANY else _SMALL_BLOCK
    several = len(view.paths) > 1

    def hits(file: int, path: Path) -> Iterator[tuple[bytes, Hit]]:
        latest = b""
        for number, offset, line in _in_file(path, text, size, left):
            latest = max(latest, sort_key(line)) if several else b""
            yield latest, Hit(view, file, number, offset, line)

    runs = [hits(file, path) for file, path in enumerate(view.paths)]
    found = runs[0] if len(runs) == 1 else heapq.merge(*runs, key=lambda pair: pair[0])
    return (hit for _, hit in found)


def _in_file(path: Path, text: str, size: int, left: _Time) -> Iterator[tuple[int, int, bytes]]:
    """Number (from 1), offset and bytes of each line that holds the text."""
    # Letters beyond ASCII have a case that bytes do not know; all else is quicker as bytes.
    decoded = not text.isascii() and text.lower() != text.upper()
    needle = text.lower() if decoded else text.encode().lower().decode("latin-1")
    before = offset = 0
    for block in _blocks(path, size):
        if left.passes():
            return
        shown = _readable(block)
        hay = (
            shown.decode("utf-8", "replace").lower() if decoded else shown.lower().decode("latin-1")
        )
        if needle in hay:
            for number, begin, line in _lines_with(needle, hay, block):
                yield before + number, offset + begin, line
        before += block.count(b"\n")
        offset += len(block)


def _lines_with(needle: str, hay: str, block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number (from 1) and place in the block of each line whose text, in ``hay``, has it."""
    begin = 0
    pairs = zip(hay.split("\n"), block.split(b"\n"), strict=False)
    for number, (shown, line) in enumerate(pairs, 1):
        text = shown.find(" ")
        if text >= 0 and shown.find(needle, text + 1) >= 0:
            yield number, begin, line + b"\n"
        begin += len(line) + 1


def _readable(block: bytes) -> bytes:
    """The block's lines as one reads them, each behind its time."""
    if b"\r" not in block and b"\b" not in block:
        return plain(block)
    lines = block.removesuffix(b"\n").split(b"\n")
    return b"\n".join(stamp_of(line) + b" " + plain(text_of(line)) for line in lines)


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    """The file's whole lines in blocks of about ``size`` bytes."""
    rest = b""
    try:
        with reading(), path.open("rb") as file:
            while block := file.read(size):
                end = block.rfind(b"\n") + 1
                if end:
                    yield rest + block[:end]
                    rest = block[end:]
                else:
                    rest += block
    except FileNotFoundError:
        return
