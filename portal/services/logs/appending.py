"""Appends lines to a kept output unless they are there: each line once, by how many ever.

A cluster brings the lines of the newest kept second again. They are known by their whole
text, time included: lines of one moment are all kept, and so are lines whose times go back a
little, because standard output and error are stamped by different hands.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

from portal.services.logs.files import split_lines, tail, time_of
from portal.services.logs.live import LiveLine

MARGIN_S = 5
"""Times go back by less than this."""
_FIRST_LOOK = 1000


class Appender:
    """One writer of one file; there may be others at the same time.

    ``since`` is the time from which on lines may be missing, ``None`` for all of them.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("a+b", buffering=0)
        self._live = LiveLine(path)
        self._brought_again: Counter[bytes] = Counter()
        """Lines that are kept and that the cluster will bring (once more) each."""
        with self._locked():
            self._position = os.fstat(self._file.fileno()).st_size
            self.since = self._load()

    def _load(self) -> datetime | None:
        newest = tail(self._path, 1)
        since = time_of(newest[0]) if newest else None
        floor = _second(since)
        far_back = _second(since - timedelta(seconds=MARGIN_S)) if since else ""
        count = _FIRST_LOOK
        while True:
            lines = tail(self._path, count)
            if len(lines) < count or lines[0][:19].decode("ascii", "replace") < far_back:
                break
            count *= 8
        kept = (line for line in lines if line[:19].decode("ascii", "replace") >= floor)
        self._brought_again.update(kept)
        return since

    def add(self, line: bytes) -> None:
        """Write ``line`` unless it was kept before this appender, or by another one since."""
        with self._locked():
            size = os.fstat(self._file.fileno()).st_size
            if size > self._position:
                self._brought_again.update(split_lines(self._written_by_others(size)))
                self._position = size
            if line in self._brought_again:
                self._take_off(line)
                return
            self._position += os.write(self._file.fileno(), line)

    def redraw(self, state: bytes) -> None:
        """Show what a line that has no end yet looks like now, ``<time> <text>``."""
        self._live.show(os.fstat(self._file.fileno()).st_size, state)

    def _take_off(self, line: bytes) -> None:
        self._brought_again[line] -= 1
        if not self._brought_again[line]:
            del self._brought_again[line]

    def _written_by_others(self, size: int) -> bytes:
        return os.pread(self._file.fileno(), size - self._position, self._position)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._file.fileno(), fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_UN)

    def __enter__(self) -> Appender:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.remove()
        self._file.close()


def _second(at: datetime | None) -> str:
    """The second of a time as kept lines begin with it; "" is before all of them."""
    return at.strftime("%Y-%m-%dT%H:%M:%S") if at else ""
