"""Errors as RFC 9457 documents, for programs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, json
from werkzeug.exceptions import HTTPException


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


def http_problem(error: HTTPException) -> Response:
    """The document of an error that Flask or Werkzeug raised, with its headers (``Allow``)."""
    answer = problem(error.code or 500, error.description or "")
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            answer.headers[name] = value
    return answer
