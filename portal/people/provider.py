"""What every outside way to sign in does: send the browser away, and say who came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from portal.domain.errors import FieldError

TIMEOUT_S = 10
"""A provider that takes longer to answer is as good as away."""


@dataclass(frozen=True, slots=True)
class Outsider:
    """Who came back: ``subject`` is their name there for good, the rest only what they say of
    themselves.
    """

    provider: str
    subject: str
    name: str = ""
    username: str = ""
    email: str = ""


class ProviderRefused(Exception):
    """Nobody came back; ``words`` say why and can be translated, ``str()`` is for the log."""

    def __init__(self, words: FieldError, detail: object = "") -> None:
        super().__init__(f"{words} {detail}".strip())
        self.words = words


class Provider(Protocol):
    """One way; both calls belong to a request of the browser that signs in."""

    name: str

    def start(self, redirect_uri: str) -> Any:
        """Send the browser to the provider, which sends it back to ``redirect_uri``."""

    def finish(self) -> Outsider:
        """Who the request at ``redirect_uri`` brings; raises :class:`ProviderRefused`."""


AWAY = FieldError("The sign-in service did not answer. Try again in a moment.")
DENIED = FieldError("You did not allow the sign-in.")
STALE = FieldError("This sign-in is too old or was used already. Try again.")
BUSY = FieldError("Too many tries from your address. Try again in some minutes.")
BROKEN = FieldError("The sign-in service gave an answer that cannot be trusted.")
