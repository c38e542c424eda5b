"""Errors as RFC 9457 documents, for programs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, json


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
