"""Output into the kept log: every line behind its time, nothing held back for long.

What a line without its end shows (a progress bar, a question) stands in a small file beside
the log, ``<place in the log> <time> <text>``, written anew at most once a second. It holds
as long as the log ends at that place.
"""

from __future__ import annotations

import os
import time

from portal.adapters.local.shim.record import now
from portal.domain.redraws import LONGEST_LINE, LineCutter

READ_SIZE = 64 * 1024
REDRAW_S = 1.0
"""A line that is drawn anew is shown at most so often."""
__all__ = ["LONGEST_LINE", "READ_SIZE", "LineLog"]


class LineLog:
    """Cuts output into lines and appends them to a file.

    When the disk is full, lines are dropped and counted rather than the command held up.
    ``live`` is the path of the file for the line that has no end yet; empty: none.
    """

    def __init__(self, fd: int, live: str = "") -> None:
        self._fd = fd
        self._live = live
        self._cutter = LineCutter()
        self._drawn_at = b""
        """The time of what the line shows; empty when it was shown already."""
        self._shown_s = float("-inf")
        self._shows = False
        """Whether there is a file for the line that has no end."""
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        """Take what was read just now."""
        stamp = _stamp()
        lines = self._cutter.feed(data)
        self._drawn_at = stamp
        self._write(stamp, lines)
        self.show()

    def show(self) -> None:
        """Let the line that has no end be seen, if it changed and it is time."""
        if self.due_s() == 0:
            self._show_state()

    def due_s(self) -> float | None:
        """Seconds until :meth:`show` has something to do; ``None``: nothing."""
        if not self._live or not self._drawn_at:
            return None
        return max(0.0, self._shown_s + REDRAW_S - time.monotonic())

    def finish(self) -> None:
        """Write a last line that has no end."""
        self._write(_stamp(), self._cutter.finish())
        if self._shows and not self._dropped:
            _remove(self._live)

    def _show_state(self) -> None:
        stamp, self._drawn_at = self._drawn_at, b""
        state = self._cutter.state
        if not state:  # of a line that has ended the log says it all
            return
        self._shown_s = time.monotonic()
        place = os.fstat(self._fd).st_size
        try:
            fd = os.open(f"{self._live}.new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o640)
            try:
                os.write(fd, b"%d %s%s" % (place, stamp, state))
            finally:
                os.close(fd)
            os.rename(f"{self._live}.new", self._live)
            self._shows = True
        except OSError:  # a full disk: the next state perhaps
            return

    def _write(self, stamp: bytes, lines: list[bytes]) -> None:
        if not lines:
            return
        if self._dropped:
            lines = [b"[aoli] %d lines are missing: the disk was full" % self._dropped, *lines]
        data = stamp + (b"\n" + stamp).join(lines) + b"\n"
        try:
            while data:
                data = data[os.write(self._fd, data) :]
            self._dropped = 0
        except OSError:
            self._dropped += len(lines)


def _stamp() -> bytes:
    return f"{now()} ".encode()


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
