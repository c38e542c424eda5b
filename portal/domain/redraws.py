"""Carriage returns in output: one rule for every runtime, for what is kept and what is read.

``\\n`` and ``\\r\\n`` end a line. Any other carriage return draws the line anew, as progress
bars do: of all that was drawn the last state that shows something is the line.

Pure, and without imports: the shim of the local runtime starts in milliseconds.
"""

from __future__ import annotations

LONGEST_LINE = 16 * 1024
"""Bytes. A longer line is continued on the next."""


def last_state(line: bytes) -> bytes:
    """What a line without its ``\\n`` shows in the end; empty when it never showed anything."""
    if b"\r" not in line:
        return line
    states = line.split(b"\r")
    return next((state for state in reversed(states) if not is_blank(state)), b"")


def is_blank(state: bytes) -> bool:
    """Whether nothing of a state is seen: white space and escape sequences only."""
    rest = state.strip()
    while rest.startswith(b"\x1b["):
        end = 2
        while end < len(rest) and not 0x40 <= rest[end] <= 0x7E:
            end += 1
        rest = rest[end + 1 :].strip()
    return not rest


class LineCutter:
    """Cuts output, as it comes, into lines; how it was cut up before makes no difference."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, without their ends."""
        *ended, rest = (self._rest + data).split(b"\n")
        lines: list[bytes] = []
        for line in ended:
            if len(line) > LONGEST_LINE:
                line = _cut_off(line, lines)
            lines.append(last_state(line))
        # A state that was drawn over is no longer needed; a return at the end may still turn
        # out to be half of a line end.
        self._rest = _cut_off(rest, lines) if len(rest) > LONGEST_LINE else rest
        if b"\r" in rest:
            self._rest = _folded(self._rest)
        return lines

    @property
    def state(self) -> bytes:
        """What the line that has no end yet shows now; empty while there is none."""
        return last_state(self._rest)

    @property
    def redrawn(self) -> bool:
        """Whether the line that has no end yet was drawn anew."""
        return b"\r" in self._rest

    def state_with(self, more: bytes) -> bytes:
        """What the line would show with ``more`` behind it."""
        return last_state(self._rest + more)

    def finish(self) -> list[bytes]:
        """The line that has no end, if there is one: nothing more comes."""
        state, self._rest = self.state, b""
        return [state] if state else []


def _folded(rest: bytes) -> bytes:
    """The same unended line in few bytes: its state so far, and what is being drawn."""
    before, _, now = rest.rpartition(b"\r")
    return last_state(before) + b"\r" + now


def _cut_off(line: bytes, pieces: list[bytes]) -> bytes:
    """Move the full pieces of states that are too long to ``pieces``; the rest of the line."""
    shown = b""
    states = line.split(b"\r")
    for number, state in enumerate(states):
        whole = len(state) <= LONGEST_LINE
        while len(state) > LONGEST_LINE:
            cut = character_before(state, LONGEST_LINE)
            pieces.append(state[:cut])
            state = state[cut:]
        if not whole:  # what was drawn before gave way to it
            shown = b""
        if number + 1 == len(states):
            return shown + b"\r" + state if shown or number else state
        shown = shown if is_blank(state) else state
    return shown


def character_before(text: bytes, cut: int) -> int:
    """``cut``, or a little less where it would break a UTF-8 character in two."""
    for back in range(4):
        if text[cut - back] & 0xC0 != 0x80:
            return cut - back
    return cut
