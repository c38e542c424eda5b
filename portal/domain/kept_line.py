"""A line of kept output, ``<RFC 3339 time, UTC> <text>``, and how it is shown. Pure."""

from __future__ import annotations

import re

from portal.domain.redraws import last_state

_SEQUENCE = re.compile(
    rb"\x1b(?:"
    rb"\[[0-9:;<=>?]*[ -/]*[@-~]"  # CSI: colours, erasing, moving
    rb"|[\]P^_X][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC (titles, links), DCS and the like
    rb"|[ -/]*[0-~])"
)
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n"})
"""Characters that show nothing; without regular expressions, for searches read much."""


def text_of(line: bytes) -> bytes:
    """A kept line as the command wrote it, of redraws the last state, without its end."""
    _, space, text = line.rstrip(b"\n").partition(b" ")
    return last_state(text) if space else b""


def stamp_of(line: bytes) -> bytes:
    """The time of a kept line as text."""
    return line.rstrip(b"\n").partition(b" ")[0]


def with_text(line: bytes, text: bytes) -> bytes:
    """The same moment with another text, as a line with its end."""
    return stamp_of(line) + b" " + text + b"\n"


def plain(text: bytes) -> bytes:
    """A text as one reads it: no styles, no links' targets, what was typed over taken back."""
    if b"\x1b" in text:
        text = _SEQUENCE.sub(b"", text)
    if b"\b" in text:
        text = _typed_over(text)
    return text.translate(None, _CONTROLS)


def _typed_over(text: bytes) -> bytes:
    """Backspaces move back; what comes then takes the place of what was there."""
    cells: list[str] = []
    at = 0
    for character in text.decode("utf-8", "surrogateescape"):
        if character == "\b":
            at = max(0, at - 1)
            continue
        cells[at : at + 1] = character
        at += 1
    return "".join(cells).encode("utf-8", "surrogateescape")


def sort_key(line: bytes) -> bytes:
    """Sorts kept lines by their time; empty for a line without one."""
    stamp = stamp_of(line)
    return stamp.removesuffix(b"Z") if stamp[:4].isdigit() else b""
