"""A mail, addresses that may be written to, and when a mail is tried again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

MAX_RECEIVERS = 50
FIRST_WAIT_S, LONGEST_WAIT_S = 30, 3600
GIVE_UP_AFTER_S = 48 * 3600
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}@{_HOST}(?:\.{_HOST})*")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}@[A-Za-z0-9.-]{1,250}>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALF = re.compile(r"[\ud800-\udfff]")
_ENCODED = "=?"
"""Begins an encoded word of RFC 2047, which some readers look for in addresses, too."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in plain text. ``message_id`` (``<…@…>``) stays the same however often it is sent.

    Raises ``ValueError`` when a header could be more than one line or an address is none, so
    that nothing that a user typed can become a header of its own.
    """

    message_id: str
    sender: str
    receivers: tuple[str, ...]
    subject: str
    body: str
    written_at: datetime
    reply_to: str = ""

    def __post_init__(self) -> None:
        if has_control(self.subject):
            raise ValueError("a header of a mail is one line")
        if not _MESSAGE_ID.fullmatch(self.message_id) or _ENCODED in self.message_id:
            raise ValueError("the id of a mail is <name@host>, in one line")
        if not 1 <= len(self.receivers) <= MAX_RECEIVERS:
            raise ValueError(f"a mail has from 1 to {MAX_RECEIVERS} receivers")
        for address in (self.sender, *self.receivers, *filter(None, (self.reply_to,))):
            if not is_address(address):
                raise ValueError(f"{address!r} is no address")


def is_address(text: str) -> bool:
    """Whether mail can go to ``text``: ``name@host`` in ASCII, without a display name."""
    return len(text) <= 254 and _ENCODED not in text and _ADDRESS.fullmatch(text) is not None


def is_real(text: str) -> bool:
    """Whether it is an address of somebody, not one that stands for none (``….invalid``)."""
    return is_address(text) and not text.lower().endswith(".invalid")


def has_control(text: str) -> bool:
    """Whether ``text`` holds a line break or another character that is not shown."""
    return _CONTROL.search(text) is not None


def without_control(text: str) -> str:
    """The text with a blank for each such character, and U+FFFD for half of a pair."""
    return _HALF.sub("\ufffd", _CONTROL.sub(" ", text))


def next_wait_s(tries: int, age_s: float) -> float | None:
    """Seconds until the next try after ``tries`` that failed; ``None``: give up."""
    if age_s >= GIVE_UP_AFTER_S:
        return None
    wait_s: float = min(FIRST_WAIT_S * 2.0 ** min(tries - 1, 16), LONGEST_WAIT_S)
    return wait_s
