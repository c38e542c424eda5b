"""Passwords: what a good one is, how one is kept, how one is checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

from portal.domain.errors import FieldError
from portal.settings import Settings

MAX_LENGTH = 256
MIN_DISTINCT = 3
"""So many different characters at least: ``aaaaaaaa`` and ``abababab`` are the first guesses."""
NONE = "!"
"""Kept for an account without a password: no password has this hash."""
NOTORIOUS = frozenset(
    (
        *("password", "password1", "password123", "passw0rd", "administrator", "admin123"),
        *("12345678", "123456789", "1234567890", "11111111", "qwertyui", "qwerty123"),
        *("iloveyou", "letmein1", "welcome1", "abc12345", "changeme"),
    )
)


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """``classes``: of small letters, capitals, digits and others so many must occur."""

    min_length: int = 8
    classes: int = 1

    @classmethod
    def of(cls, settings: Settings) -> PasswordPolicy:
        """The policy that is set."""
        return cls(settings.password_min_length, settings.password_classes)

    @property
    def hint(self) -> FieldError:
        """What a new password needs, to stand below its field."""
        if self.classes > 1:
            return FieldError(
                "At least %(n)s characters of %(classes)s kinds: lower case, upper case, digits,"
                " others",
                {"n": self.min_length, "classes": self.classes},
            )
        return FieldError("At least %(n)s characters", {"n": self.min_length})

    def problem(self, password: str, username: str = "") -> FieldError | None:
        """What is wrong with a password, if anything is."""
        if len(password) < self.min_length:
            return FieldError("Use at least %(min)s characters", {"min": self.min_length})
        if len(password) > MAX_LENGTH or _unsayable(password):
            return FieldError("Use at most %(max)s characters", {"max": MAX_LENGTH})
        if _classes(password) < self.classes:
            return FieldError(
                "Use %(n)s kinds of characters: lower case, upper case, digits, others",
                {"n": self.classes},
            )
        if len(set(password.lower())) < MIN_DISTINCT:
            return FieldError("This password is too easy to guess")
        if password.lower() in NOTORIOUS or password.lower() == username.lower():
            return FieldError("This password is too easy to guess")
        return None


def _unsayable(password: str) -> bool:
    """Whether it holds what no form can send again: NUL, half of a pair."""
    return "\x00" in password or any("\ud800" <= one <= "\udfff" for one in password)


def _classes(password: str) -> int:
    kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    return sum(any(kind(one) for one in password) for kind in kinds)


METHOD = "scrypt:32768:8:1"
"""How passwords are kept: slow on purpose. Tests set a quick one, for this process."""


def hash_password(password: str) -> str:
    """What is kept of a password; slow on purpose, so never inside a transaction."""
    return generate_password_hash(password, METHOD)


@cache
def _nobodys() -> str:
    return generate_password_hash("", METHOD)


def is_right(kept: str | None, password: str) -> bool:
    """Whether ``password`` is the one; as slow when there is none to compare with."""
    usable = kept is not None and kept != NONE
    password = password.encode("utf-8", "replace").decode()
    right = check_password_hash(kept if usable and kept else _nobodys(), password)
    return right and usable and bool(password.strip("\x00"))
