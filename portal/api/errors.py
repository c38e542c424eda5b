"""Errors of calls as RFC 9457 documents: one table from an error's code to a status."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from werkzeug.exceptions import HTTPException

from portal.domain.errors import AoliError, InvalidSpec, TooMany
from portal.http.problems import http_problem, problem

STATUS: dict[str, int] = {
    "invalid": 422,
    "not_found": 404,
    "forbidden": 403,
    "conflict": 409,
    "too_many": 429,
    "unavailable": 503,
    "not_known_yet": 503,
    "refused": 422,
    "plugin_failed": 503,
    "plugin_slow": 503,
}
"""``AoliError.code`` to HTTP status; a code that is missing here is our mistake, a 500."""
RETRY_AFTER_S = 5


def domain_problem(error: AoliError) -> Response:
    """The document of an error that the rules raised; ``code`` is the error's own."""
    status = STATUS.get(error.code, 500)
    if isinstance(error, InvalidSpec):
        errors = {name: [str(one) for one in found] for name, found in error.errors.items()}
        count = len(errors)
        detail = "One field is wrong" if count == 1 else f"{count} fields are wrong"
        return problem(status, detail, code=error.code, errors=errors)
    answer = problem(status, error.message, code=error.code)
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _http_error(error: HTTPException) -> Any:
    return error.response if error.response is not None else http_problem(error)


def install(blueprint: Blueprint) -> None:
    """Answer every foreseen error of the blueprint's calls with a document."""
    blueprint.register_error_handler(AoliError, domain_problem)
    blueprint.register_error_handler(HTTPException, _http_error)
