"""The line of an output that has no end yet: a progress bar as it stands now.

It is no part of the kept output, which only grows; it stands in a small file beside it and
counts only as long as the output ends where the line began.
"""

from __future__ import annotations

from pathlib import Path

from portal.domain.errors import TemporaryFailure
from portal.domain.storage_path import live_path
from portal.services.logs.files import reading

LARGEST = 64 * 1024


class LiveLine:
    """Writes the file of one output."""

    def __init__(self, log: Path) -> None:
        self._path = Path(live_path(str(log)))
        self._written = False

    def show(self, place: int, state: bytes) -> None:
        """``state`` is ``<time> <text>``; ``place`` the bytes of the output before it."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_bytes(b"%d %s" % (place, state))
        fresh.rename(self._path)
        self._written = True

    def remove(self) -> None:
        """Take it away, if this one wrote it."""
        if self._written:
            self._path.unlink(missing_ok=True)


def live_line(log: Path, place: int) -> bytes:
    """The line ``<time> <text>`` without its end that comes behind ``place``; empty: none."""
    try:
        with reading(), Path(live_path(str(log))).open("rb") as file:
            begins, _, line = file.read(LARGEST).partition(b" ")
    except (FileNotFoundError, TemporaryFailure):
        return b""
    return line if begins.isdigit() and int(begins) == place else b""
