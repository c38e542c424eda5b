"""The one checker of fields: of a body either its clean values or all that is wrong, at once.

A *reader* takes a raw JSON value and gives the clean one, or raises ``WrongValue``; a reader of
nested fields raises the ``InvalidSpec`` of a :class:`Fields` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from portal.domain.errors import FieldError, InvalidSpec, WrongValue
from portal.domain.limits import too_long
from portal.domain.mail import has_control

ABSENT: Any = object()
MAX_NAMES = 10_000
_HALF_PAIR = re.compile("[\ud800-\udfff]")
Clean = TypeVar("Clean")


class Fields:
    """The fields of one object, taken one by one; :meth:`done` raises what was wrong.

    Raises ``InvalidSpec`` at ``place`` at once when it is no object. ``known`` are all the names
    that it may have; without them any.
    """

    def __init__(
        self, body: Any, known: Iterable[str] | None = None, *, place: str = "body"
    ) -> None:
        if not isinstance(body, Mapping):
            raise InvalidSpec(place, "Must be an object")
        self.body: Mapping[str, Any] = body
        self.values: dict[str, Any] = {}
        self.wrong: list[tuple[str, FieldError]] = []
        if known is not None:
            self.refuse_unknown(known)

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Note every field that is none of ``known``."""
        names = frozenset(known)
        for name in self.body:
            if name not in names:
                self.note(str(name)[:64], "Unknown field")

    def note(self, field: str, why: str | FieldError, **params: object) -> None:
        """Something is wrong with ``field``."""
        error = why if isinstance(why, FieldError) else FieldError(why, params)
        self.wrong.append((field, error))

    def any_wrong(self, names: Iterable[str]) -> bool:
        """Whether something was noted at one of these."""
        return not {field for field, _ in self.wrong}.isdisjoint(names)

    @contextmanager
    def noting(self, field: str = "") -> Iterator[None]:
        """Note what is raised inside, at ``field`` and below it."""
        try:
            yield
        except InvalidSpec as invalid:
            self.wrong += invalid.below(field)

    def take(
        self,
        name: str,
        read: Callable[[Any], Any],
        default: Any = ABSENT,
        *,
        required: bool = False,
    ) -> Any:
        """The clean value, kept in ``values``; ``default`` stands for a field that is not there.

        ``None``, or the default, when it is wrong, or neither there nor ``required``.
        """
        given = self.body.get(name, default)
        instead = None if default is ABSENT else default
        if required and given in (ABSENT, None, ""):
            self.note(name, "Required")
        elif given is not ABSENT:
            with self.noting(name):
                self.values[name] = read(given)
                return self.values[name]
        return instead

    def done(self) -> dict[str, Any]:
        """The values by name; ``InvalidSpec`` with everything that was noted."""
        if self.wrong:
            raise InvalidSpec.of(self.wrong)
        return self.values


def each(parts: Mapping[Any, Any], read: Callable[[str, Any], Clean]) -> dict[str, Clean]:
    """Every part of an object read with its name; what is wrong is named below the object."""
    fields = Fields({str(name): part for name, part in parts.items()})
    for name, part in fields.body.items():
        with fields.noting(name):
            fields.values[name] = read(name, part)
    return fields.done()


def text(value: Any, *, maximum: int, required: bool = True) -> str:
    """A string without NUL, not blank when ``required``, of at most ``maximum`` characters."""
    clean = _plain_text(value, required=required)
    if len(clean) > maximum:
        raise WrongValue(
            "Must be at most %(max)s characters, has %(have)s", max=maximum, have=len(clean)
        )
    return clean


def short_text(value: Any, *, max_bytes: int, required: bool = True) -> str:
    """The same of at most ``max_bytes`` bytes in UTF-8, for what the kernel counts so."""
    clean = _plain_text(value, required=required)
    error = too_long(clean, max_bytes)
    if error is not None:
        raise WrongValue(error)
    return clean


def _plain_text(value: Any, *, required: bool) -> str:
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise WrongValue("Must be text")
    if required and not value.strip():
        raise WrongValue("Required")
    if "\x00" in value:
        raise WrongValue("Must not contain a NUL character")
    if _HALF_PAIR.search(value):
        raise WrongValue("Contains half of a character")
    return value


def line(maximum: int, *, required: bool = True) -> Callable[[Any], str]:
    """A reader of one line of text, without the blanks around it; ``null`` is the empty one."""

    def read(value: Any) -> str:
        given = "" if value is None else value
        if not _is_name(given) or len(given.strip()) > maximum or has_control(given.strip()):
            raise WrongValue("Use one line of at most %(max)s characters", max=maximum)
        if required and not given.strip():
            raise WrongValue("Required")
        return given.strip()

    return read


def integer(minimum: int, maximum: int | None = None) -> Callable[[Any], int]:
    """A reader of whole numbers in a range."""

    def read(value: Any) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if maximum is None:
            if not whole:
                raise WrongValue("Must be a whole number")
            if value < minimum:
                raise WrongValue("Must be %(min)s or more", min=minimum)
        elif not whole:
            raise WrongValue(
                "Must be a whole number from %(min)s to %(max)s", min=minimum, max=maximum
            )
        elif not minimum <= value <= maximum:
            raise WrongValue("Must be from %(min)s to %(max)s", min=minimum, max=maximum)
        return int(value)

    return read


def boolean(value: Any) -> bool:
    """A reader of true and false."""
    if not isinstance(value, bool):
        raise WrongValue("Must be true or false")
    return value


def one_of(choices: Iterable[str]) -> Callable[[Any], str]:
    """A reader of one of some words."""
    known = list(choices)

    def read(value: Any) -> str:
        if value not in known:
            raise WrongValue("Must be one of %(keys)s", keys=", ".join(known))
        return str(value)

    return read


def names(value: Any) -> list[str]:
    """A reader of lists of names: each once, sorted, such as a database takes."""
    if not isinstance(value, list) or len(value) > MAX_NAMES or not all(map(_is_name, value)):
        raise WrongValue("Must be a list of names")
    return sorted(set(value))


def storable(value: str) -> str:
    """The text, with what no database takes (NUL, half of a pair) as a question mark."""
    return value.replace("\x00", "?").encode("utf-8", "replace").decode()


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and storable(value) == value
