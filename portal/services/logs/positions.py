"""Where lines and moments are in a kept output, without reading more of it than needed."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from portal.services.logs.files import reading, size, time_of

STEP = 1024 * 1024
MOST_COUNTED = 1024 * 1024 * 1024
"""Bytes; lines of more are not counted in one go."""
MOST_FILES = 512
_NEAR = 64 * 1024
_TIMELESS = 64 * 1024
"""Bytes in which a line with a time is looked for."""


@dataclass(slots=True)
class _Marks:
    """``counts[n]`` lines are in the first ``n`` steps of the file with this inode."""

    inode: int
    counts: list[int] = field(default_factory=lambda: [0])
    lock: threading.Lock = field(default_factory=threading.Lock)


class LineIndex:
    """Numbers of lines by place and the other way round; what was counted once is kept."""

    def __init__(self) -> None:
        self._marks: OrderedDict[Path, _Marks] = OrderedDict()
        self._lock = threading.Lock()

    def lines_before(self, path: Path, offset: int, most: int = MOST_COUNTED) -> int | None:
        """Lines that end before ``offset``; ``None`` when that takes more than ``most`` bytes."""
        try:
            with reading(), path.open("rb") as file:
                marks = self._marks_of(path, file)
                step = offset // STEP
                if not _count(marks, file, step, most):
                    return None
                file.seek(step * STEP)
                return marks.counts[step] + file.read(offset - step * STEP).count(b"\n")
        except FileNotFoundError:
            return 0

    def offset_of_line(self, path: Path, number: int, most: int = MOST_COUNTED) -> int | None:
        """Where line ``number`` (from 1) begins; ``None`` when there is none, or too far away."""
        try:
            with reading(), path.open("rb") as file:
                marks = self._marks_of(path, file)
                step = 0
                while _count(marks, file, step + 1, most) and marks.counts[step + 1] < number - 1:
                    step += 1
                file.seek(step * STEP)
                return _line_in(file, step * STEP, number - 1 - marks.counts[step])
        except FileNotFoundError:
            return None

    def line_or_end(self, path: Path, number: int) -> int:
        """As :meth:`offset_of_line`; the end of the output where there is no such line."""
        found = self.offset_of_line(path, number)
        return size(path) if found is None else found

    def _marks_of(self, path: Path, file: BinaryIO) -> _Marks:
        found = os.fstat(file.fileno())
        with self._lock:
            marks = self._marks.get(path)
            if (
                marks is None
                or marks.inode != found.st_ino
                or (len(marks.counts) - 1) * STEP > found.st_size
            ):
                marks = self._marks[path] = _Marks(found.st_ino)
            self._marks.move_to_end(path)
            if len(self._marks) > MOST_FILES:
                self._marks.popitem(last=False)
            return marks


def _count(marks: _Marks, file: BinaryIO, step: int, most: int) -> bool:
    """Count up to ``step``; whether the file has so many steps and they were not too many."""
    with marks.lock:
        file.seek((len(marks.counts) - 1) * STEP)
        counted = 0
        while len(marks.counts) <= step and counted <= most:
            block = file.read(STEP)
            if len(block) < STEP:
                break
            marks.counts.append(marks.counts[-1] + block.count(b"\n"))
            counted += STEP
        return len(marks.counts) > step


def _line_in(file: BinaryIO, begin: int, skip: int) -> int | None:
    """Where the line begins that comes ``skip`` line ends behind the file's place, ``begin``."""
    if skip == 0 and begin == 0:
        return 0 if file.read(1) else None
    block = file.read(2 * STEP)
    at = -1
    for _ in range(skip):
        at = block.find(b"\n", at + 1)
        if at < 0:
            return None
    return begin + at + 1 if block[at + 1 : at + 2] else None


def offset_of_time(path: Path, at: datetime) -> int:
    """Where the first line begins that is not older than ``at``; the end when all are."""
    try:
        with reading(), path.open("rb") as file:
            low, high = 0, file.seek(0, os.SEEK_END)
            while high - low > _NEAR:
                middle = (low + high) // 2
                begin, found = _next_time(file, middle)
                if found is None or begin >= high or found >= at:
                    high = middle
                else:
                    low = begin
            file.seek(low)
            for line in file:
                found = time_of(line)
                if found is not None and found >= at:
                    return low
                low += len(line)
            return low
    except FileNotFoundError:
        return 0


def time_at(path: Path, offset: int) -> datetime | None:
    """The time of the line that begins at ``offset``."""
    try:
        with reading(), path.open("rb") as file:
            file.seek(offset)
            return time_of(file.readline(_NEAR))
    except FileNotFoundError:
        return None


def _next_time(file: BinaryIO, offset: int) -> tuple[int, datetime | None]:
    """The first line with a time that begins behind ``offset``: its place and time."""
    file.seek(offset)
    begin = offset + len(file.readline())
    while begin - offset < _TIMELESS and (line := file.readline()):
        found = time_of(line)
        if found is not None:
            return begin, found
        begin += len(line)
    return begin, None
