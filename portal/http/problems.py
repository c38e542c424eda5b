"""What errors are in HTTP: one table of statuses, and RFC 9457 documents for programs."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, json
from werkzeug.exceptions import HTTPException

from portal.domain.errors import (
    AoliError,
    Conflict,
    Forbidden,
    InvalidSpec,
    NotFound,
    NotKnownYet,
    PermanentFailure,
    PluginFailed,
    PluginSlow,
    TemporaryFailure,
    TooMany,
)

STATUS: Mapping[type[AoliError], int] = {
    InvalidSpec: 422,
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    TooMany: 429,
    TemporaryFailure: 503,
    NotKnownYet: 503,
    PermanentFailure: 422,
    PluginFailed: 503,
    PluginSlow: 503,
}
"""Pages and API alike; an error that is none of these is our mistake, a 500."""
RETRY_AFTER_S = 5


def status_of(error: AoliError) -> int:
    """The HTTP status of an error that the rules raised."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def retry_headers(error: AoliError) -> dict[str, str]:
    """``Retry-After`` (seconds) where trying again may work."""
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": str(RETRY_AFTER_S)} if status_of(error) == 503 else {}


def problem(status: int, detail: str = "", **more: Any) -> Response:
    """A ``application/problem+json`` answer."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(json.dumps(body), status, mimetype="application/problem+json")


def http_problem(error: HTTPException) -> Any:
    """The document of an error that Flask or Werkzeug raised, with its headers (``Allow``)."""
    if error.response is not None:
        return error.response
    answer = problem(error.code or 500, error.description or "")
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            answer.headers[name] = value
    return answer


def domain_problem(error: AoliError, detail: str = "") -> Response:
    """The document of an error that the rules raised; ``code`` is the error's own.

    ``detail`` stands for the error's English message, in the reader's language.
    """
    more: dict[str, Any] = {"code": error.code}
    if isinstance(error, InvalidSpec):
        more["errors"] = {name: [str(one) for one in found] for name, found in error.errors.items()}
        count = len(error.errors)
        detail = detail or ("One field is wrong" if count == 1 else f"{count} fields are wrong")
    answer = problem(status_of(error), detail or error.message, **more)
    answer.headers.update(retry_headers(error))
    return answer
