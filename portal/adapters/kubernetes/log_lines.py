"""From the bytes that kubelet sends to lines as everyone keeps them. Pure.

Asked for times, kubelet puts one before every record of the container's log, and nothing
else: a line without a time is never the command's. It is kubelet's own word (a log that
cannot be read, a container that is gone while it is followed), which it writes behind the
output, with status 200 and without a line end; or the end of a line that began before the
moment from which on lines were asked for.

Runtimes write a line longer than 16 KiB in several records. Kubelet before 1.27 puts a time
before each of them, in the middle of the line; a newer one only before the first. Either
way such a line is continued on the next, as the local runtime has it; unless it is drawn anew
with carriage returns (``portal.domain.redraws``): then it stays one line, whatever its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from portal.domain.redraws import LONGEST_LINE, LineCutter, character_before

__all__ = ["LONGEST_LINE", "LogLines", "second_of"]
_SHORTEST_PIECE = 4096
"""No runtime breaks a line sooner."""
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)")
_INNER = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})(Z|[+-]\d\d:\d\d) ")
_STAMP_ROOM = 36
"""Bytes of the longest time with the space behind it."""
_KUBELETS = re.compile(
    rb"(?:rpc error: code = |failed to (?:create fsnotify|watch file|open log file|read log file)"
    rb"|unable to retrieve container logs)"
)


class LogLines:
    """Takes one answer as it comes in and gives its lines out."""

    def __init__(self) -> None:
        self._stamp = b""
        """The time of the line that has begun; nothing when it has none, or not yet."""
        self._rest = b""
        """What has come of that line's newest record, without its time if that is known."""
        self._cutter = LineCutter()
        """What has come of that line before, if it is drawn anew."""

    def feed(self, block: bytes) -> Iterator[bytes]:
        """The lines that ``block`` completes: ``<time, UTC, nine decimals> <text>\\n``."""
        *ended, rest = (self._rest + block).split(b"\n")
        for raw in ended:
            yield from self._pieces(raw, ended=True)
            self._stamp = b""
        yield from self._pieces(rest, ended=False)

    def redrawn(self, container_id: str = "") -> bytes:
        """What a line that is drawn anew shows now, as a line without its end; else nothing."""
        drawn = self._cutter.redrawn or b"\r" in self._rest
        return self.unended(container_id)[:-1] if drawn else b""

    def unended(self, container_id: str = "") -> bytes:
        """What has come of a line that has no end (yet), as a line; nothing when there is none.

        When the answer is over it may hold words of kubelet's behind the command's own;
        they speak of the container by ``container_id`` or of its log's path, and are cut off.
        """
        if not self._stamp:
            return b""
        text = self._rest
        for found in _KUBELETS.finditer(text):
            said = text[found.start() :]
            if (container_id and container_id.encode() in said) or b"/var/log/" in said:
                text = text[: found.start()]
                break
        return self._line(self._cutter.state_with(text))

    def _pieces(self, raw: bytes, *, ended: bool) -> Iterator[bytes]:
        """The lines to give out of the one that has begun; what remains is kept."""
        if not self._stamp:
            found = _STAMP.match(raw)
            if found is None or not (ended or raw[found.end() - 1 : found.end()] == b" "):
                self._rest = b"" if ended else raw[:_STAMP_ROOM]
                return
            self._stamp, raw = _in_utc(found), raw[found.end() :]
        while True:
            inner = self._inner_stamp(raw)
            if inner is not None:
                yield from self._record(raw[: inner.start()])
                self._stamp, raw = _in_utc(inner), raw[inner.end() :]
            elif len(raw) > LONGEST_LINE + (0 if ended else _STAMP_ROOM):
                cut = character_before(raw, LONGEST_LINE)
                yield from self._record(raw[:cut])
                raw = raw[cut:]
            else:
                break
        if ended:
            yield from map(self._line, self._cutter.feed(raw + b"\n"))
        self._rest = b"" if ended else raw

    def _record(self, text: bytes) -> Iterator[bytes]:
        """A part of a long line: a line of its own, or part of what is drawn anew."""
        if self._cutter.redrawn or b"\r" in text:
            yield from map(self._line, self._cutter.feed(text))
        else:
            yield self._line(text)

    def _inner_stamp(self, raw: bytes) -> re.Match[bytes] | None:
        """The time of the line's next record.

        A time that the command wrote itself is not later than that of its record.
        """
        for found in _INNER.finditer(raw, _SHORTEST_PIECE, LONGEST_LINE + _STAMP_ROOM):
            if _is_a_time(found.group(1)) and _in_utc(found) > self._stamp:
                return found
        return None

    def _line(self, text: bytes) -> bytes:
        return self._stamp + b" " + text + b"\n"


def second_of(line: bytes) -> datetime:
    """The second in which a line was said."""
    return datetime.fromisoformat(line[:19].decode()).replace(tzinfo=UTC)


def _in_utc(found: re.Match[bytes]) -> bytes:
    """A time that sorts as text: UTC with nine decimals."""
    second, fraction, zone = found.group(1), found.group(2) or b"", found.group(3)
    if zone != b"Z":
        local = datetime.fromisoformat((second + zone).decode())
        second = f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%S}".encode()
    return second + b"." + fraction.ljust(9, b"0") + b"Z"


def _is_a_time(text: bytes) -> bool:
    try:
        datetime.fromisoformat(text.decode())
    except ValueError:
        return False
    return True
