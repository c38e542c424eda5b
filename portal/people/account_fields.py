"""The fields of users, groups and roles: parsed and checked, with every mistake told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from portal.domain.errors import FieldError, InvalidSpec
from portal.people.passwords import PasswordPolicy

USERNAME = re.compile(r"[A-Za-z0-9._-]{3,64}", re.ASCII)
_EMAIL = re.compile(r"[^@\s\x00]{1,64}@[^@\s\x00]{1,250}")
_PHONE = re.compile(r"[0-9+() /-]{3,32}", re.ASCII)
_BLANK = re.compile(r"[\x00-\x1f\x7f]")
NO_MAIL = "@users.invalid"
"""Flask-AppBuilder wants a unique address for every account; these can receive nothing."""
MAX_BATCH = 10
Errors = list[tuple[str, FieldError]]


def storable(text: str) -> str:
    """The text, with what no database takes (NUL, half of a pair) as a question mark."""
    return text.replace("\x00", "?").encode("utf-8", "replace").decode()


class Fields:
    """The fields of one body, taken one by one; :meth:`done` raises what was wrong.

    ``prefix`` stands before the fields' names in errors (``users.2.``).
    """

    def __init__(self, body: Any, allowed: Iterable[str], prefix: str = "") -> None:
        self._prefix = prefix
        self.errors: Errors = []
        self.values: dict[str, Any] = {}
        self._body: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
        if not isinstance(body, Mapping):
            self.wrong(prefix.rstrip(".") or "body", FieldError("Must be an object"), bare=True)
        known = set(allowed)
        for name in self._body:
            if name not in known:
                self.wrong(str(name)[:64], FieldError("Unknown field"))

    def wrong(self, name: str, error: FieldError, *, bare: bool = False) -> None:
        """Note a mistake."""
        self.errors.append((name if bare else f"{self._prefix}{name}", error))

    def take(self, name: str, read: Callable[[Any], Any], *, required: bool = False) -> Any:
        """Read a field into ``values``; ``read`` raises ``ValueError(FieldError)``."""
        given = self._body.get(name)
        if given is None or given == "":
            if required:
                self.wrong(name, FieldError("Required"))
                return None
            if name not in self._body:
                return None
        try:
            self.values[name] = read("" if given is None else given)
        except ValueError as refused:
            self.wrong(name, refused.args[0])
            return None
        return self.values[name]

    def done(self) -> dict[str, Any]:
        """The values; ``InvalidSpec`` when anything was wrong."""
        if self.errors:
            raise InvalidSpec.of(self.errors)
        return self.values


def line(maximum: int) -> Callable[[Any], str]:
    """A reader of one line of text."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value.strip()) > maximum or _BLANK.search(value):
            raise ValueError(
                FieldError("Use one line of at most %(max)s characters", {"max": maximum})
            )
        return value.strip()

    return read


def filled(maximum: int) -> Callable[[Any], str]:
    """A reader of one line of text that is not blank."""

    def read(value: Any) -> str:
        text = line(maximum)(value)
        if not text:
            raise ValueError(FieldError("Required"))
        return text

    return read


def username(value: Any) -> str:
    """A reader of usernames."""
    if not isinstance(value, str) or not USERNAME.fullmatch(value):
        raise ValueError(FieldError("Use 3 to 64 letters, digits and . _ -"))
    return value


def email(value: Any) -> str:
    """A reader of e-mail addresses; empty is none."""
    text = line(320)(value)
    if text and (not _EMAIL.fullmatch(text) or text.endswith(NO_MAIL)):
        raise ValueError(FieldError("Enter an address such as name@example.org"))
    return text


def phone(value: Any) -> str:
    """A reader of telephone numbers; empty is none."""
    text = line(32)(value)
    if text and not _PHONE.fullmatch(text):
        raise ValueError(FieldError("Use digits, spaces and + - ( )"))
    return text


def yes_no(value: Any) -> bool:
    """A reader of ``true`` and ``false``."""
    if not isinstance(value, bool):
        raise ValueError(FieldError("Must be true or false"))
    return value


def names(value: Any) -> list[str]:
    """A reader of lists of names; each once, in order."""
    right = isinstance(value, list) and all(
        isinstance(one, str) and storable(one) == one for one in value
    )
    if not right or len(value) > 10_000:
        raise ValueError(FieldError("Must be a list of names"))
    return sorted(set(value))


def some_names(value: Any) -> list[str]:
    """A reader of lists with at least one name."""
    found = names(value)
    if not found:
        raise ValueError(FieldError("Choose at least one"))
    return found


def password(policy: PasswordPolicy, owner: str) -> Callable[[Any], str]:
    """A reader of new passwords."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(FieldError("Must be text"))
        problem = policy.problem(value, owner)
        if problem is not None:
            raise ValueError(problem)
        return value

    return read


def stored_email(name: str, given: str) -> str:
    """What the column holds: it must be unique and filled."""
    return given or f"{name}{NO_MAIL}"


def shown_email(stored: str | None) -> str:
    """What people see."""
    return "" if not stored or stored.endswith(NO_MAIL) else stored
