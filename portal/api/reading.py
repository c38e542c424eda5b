"""What a request brings: its JSON body, its query parameters, the page it asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

from portal.domain.errors import InvalidSpec, NotFound
from portal.domain.fields import Fields
from portal.services.jobs.listing import DEFAULT_LIMIT, MAX_LIMIT

MAX_TEXT = 256
"""A query parameter that is longer is no name and no search."""


def json_body() -> Any:
    """The body as JSON; ``BadRequest`` (400) when it is none."""
    try:
        text = request.get_data().decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant)
        # A lone surrogate is legal in JSON, but no database and no file takes it.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise BadRequest("The body is not UTF-8 text") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply") from None
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}") from None
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def json_object(fields: Iterable[str]) -> dict[str, Any]:
    """The body as an object that has ``fields``, all of them and no others."""
    wanted = tuple(fields)
    taken = Fields(json_body(), wanted)
    for name in wanted:
        if name not in taken.body:
            taken.note(name, "Required")
    taken.done()
    return dict(taken.body)


def text(name: str) -> str | None:
    """A query parameter, ``None`` when it is missing or empty."""
    value = request.args.get(name, "")
    if "\x00" in value or len(value) > MAX_TEXT:
        raise InvalidSpec(name, "Must be text of at most %(max)s characters", max=MAX_TEXT)
    return value or None


def integer(name: str, default: int | None, minimum: int, maximum: int) -> int | None:
    """A query parameter that is a whole number."""
    value = request.args.get(name, "")
    if not value:
        return default
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1
    if not minimum <= number <= maximum:
        raise InvalidSpec(name, "Must be from %(min)s to %(max)s", min=minimum, max=maximum)
    return number


def flag(name: str) -> bool | None:
    """A query parameter that is ``1``, ``true``, ``0`` or ``false``."""
    value = request.args.get(name, "").lower()
    if value in ("1", "true"):
        return True
    if value in ("0", "false"):
        return False
    if value:
        raise InvalidSpec(name, "Must be true or false")
    return None


def one_of(name: str, choices: Sequence[str]) -> str:
    """A query parameter that is one of ``choices``; the first when it is missing."""
    value = request.args.get(name, "") or choices[0]
    if value not in choices:
        raise InvalidSpec(name, "Must be one of %(keys)s", keys=", ".join(choices))
    return value


def words(name: str) -> tuple[str, ...]:
    """A query parameter that may be repeated or hold several values with commas between."""
    given = ",".join(request.args.getlist(name)).split(",")
    return tuple(dict.fromkeys(word.strip() for word in given if word.strip()))


def moment(name: str) -> datetime | None:
    """A query parameter that is a time with its zone (RFC 3339)."""
    value = request.args.get(name, "")
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        at = None
    # The first and the last year leave their calendar when they are brought to UTC.
    if at is None or at.tzinfo is None or not 1 < at.year < 9999:
        raise InvalidSpec(name, "Must be a time such as 2026-11-23T09:12:04Z")
    return at


def limit() -> int:
    """How many items the page may have."""
    value = integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    assert value is not None
    return value


def cursor(digits: int = 9) -> int | None:
    """The number behind which the page begins; ``None`` for the first page."""
    given = request.args.get("cursor", "")
    if given and not (given.isascii() and given.isdigit() and len(given) <= digits):
        raise InvalidSpec("cursor", "Not a cursor of this list")
    return int(given) if given else None


def number(place: str) -> int:
    """An id in a path; what is none is not there."""
    if not (place.isascii() and place.isdigit() and len(place) < 10):
        raise NotFound("There is no such thing")
    return int(place)


def page_of(items: Sequence[Any]) -> dict[str, Any]:
    """The page of a short list (it is all there) that the request asks for."""
    begin, size = cursor() or 0, limit()
    end = begin + size
    return {
        "items": list(items[begin:end]),
        "next_cursor": str(end) if end < len(items) else None,
        "total": len(items),
    }
