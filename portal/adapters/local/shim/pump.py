"""Output into the kept log: every line behind its time, nothing held back for long."""

from __future__ import annotations

import os

from portal.adapters.local.shim.record import now

LONGEST_LINE = 16 * 1024
READ_SIZE = 64 * 1024


class LineLog:
    """Cuts output into lines and appends them to a file.

    A carriage return ends a line as well (progress bars), a line longer than
    :data:`LONGEST_LINE` is continued on the next. When the disk is full, lines are dropped
    and counted rather than the command held up.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""
        self._after_return = False
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        """Take what was read just now."""
        stamp = _stamp()
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        self._after_return = data.endswith(b"\r")
        data = self._rest + data
        lines = _without_returns(data) if b"\r" in data else data.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in lines):
            lines = [piece for line in lines for piece in _pieces(line)]
            *full, self._rest = _pieces(self._rest)
            lines += full
        self._write(stamp, lines)

    def finish(self) -> None:
        """Write a last line that has no end."""
        if self._rest:
            self._write(_stamp(), [self._rest])
            self._rest = b""

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


def _without_returns(data: bytes) -> list[bytes]:
    """Lines of output with carriage returns; the last is what has no end yet."""
    lines: list[bytes] = []
    for line in data.replace(b"\r\n", b"\n").split(b"\n"):
        *drawn, last = line.split(b"\r")
        lines += [part for part in drawn if part]
        # "50%\r" leaves nothing behind its return: no empty line for that.
        if last or not drawn:
            lines.append(last)
    if data.endswith(b"\r"):
        lines.append(b"")
    return lines


def _pieces(line: bytes) -> list[bytes]:
    """Cut a long line, never inside of a UTF-8 character; at least one piece."""
    pieces = []
    while len(line) > LONGEST_LINE:
        cut = LONGEST_LINE
        while cut > LONGEST_LINE - 4 and line[cut] & 0xC0 == 0x80:
            cut -= 1
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]
