"""Readers of the fields of users, groups and roles (see :mod:`portal.domain.fields`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from portal.domain.errors import WrongValue
from portal.domain.fields import line, names
from portal.people.passwords import PasswordPolicy

USERNAME = re.compile(r"[A-Za-z0-9._-]{3,64}", re.ASCII)
_EMAIL = re.compile(r"[^@\s\x00]{1,64}@[^@\s\x00]{1,250}")
_PHONE = re.compile(r"[0-9+() /-]{3,32}", re.ASCII)
NO_MAIL = "@users.invalid"
"""Flask-AppBuilder wants a unique address for every account; these can receive nothing."""
MAX_BATCH = 10


def username(value: Any) -> str:
    """A reader of usernames."""
    if not isinstance(value, str) or not USERNAME.fullmatch(value):
        raise WrongValue("Use 3 to 64 letters, digits and . _ -")
    return value


def email(value: Any) -> str:
    """A reader of e-mail addresses; empty is none."""
    text = line(320, required=False)(value)
    if text and (not _EMAIL.fullmatch(text) or text.endswith(NO_MAIL)):
        raise WrongValue("Enter an address such as name@example.org")
    return text


def phone(value: Any) -> str:
    """A reader of telephone numbers; empty is none."""
    text = line(32, required=False)(value)
    if text and not _PHONE.fullmatch(text):
        raise WrongValue("Use digits, spaces and + - ( )")
    return text


def some_names(value: Any) -> list[str]:
    """A reader of lists with at least one name."""
    found = names(value)
    if not found:
        raise WrongValue("Choose at least one")
    return found


def password(policy: PasswordPolicy, owner: str) -> Callable[[Any], str]:
    """A reader of new passwords."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise WrongValue("Must be text")
        problem = policy.problem(value, owner)
        if problem is not None:
            raise WrongValue(problem)
        return value

    return read


def stored_email(name: str, given: str) -> str:
    """What the column holds: it must be unique and filled."""
    return given or f"{name}{NO_MAIL}"


def shown_email(stored: str | None) -> str:
    """What people see."""
    return "" if not stored or stored.endswith(NO_MAIL) else stored
