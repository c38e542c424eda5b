"""The OpenAPI document, made from the calls themselves, and a page to read it."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

from flask import Response, render_template

from portal import __version__
from portal.api.auth import EVERYONE
from portal.api.calls import CALLS, PREFIX, Call, blueprint, call, reply
from portal.api.schemas import OrLeftOut, Password, Problem, Schema, Shape, written

_PLACE = re.compile(r"<([a-z_]+)>")
ByKind = Mapping[int, Schema]
"""The schema of each model or type, by its ``id()``: not all of them can be keys."""
PROBLEM_TEXT = {
    400: "The body is not JSON",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not there, or not visible to you",
    409: "Its state forbids it",
    422: "Bad fields",
    429: "Asked too often; see Retry-After",
    503: "Something does not answer; see Retry-After",
}


class LoginRequest(Shape):
    """An account and its password."""

    username: str
    password: Password
    provider: Literal["db"] = "db"
    refresh: OrLeftOut[bool] = None


class Tokens(Shape):
    """Bearer tokens."""

    access_token: str
    refresh_token: OrLeftOut[str] = None


LOGIN = Call(
    method="POST",
    path="/security/login",
    tag="Account",
    summary="Get a bearer token for an account and its password",
    access=EVERYONE,
    headers=(),
    query=(),
    body=LoginRequest,
    answer=Tokens,
    status=200,
    content_types=("application/json",),
    problems=(401, 422, 429),
    name="login",
    about="``refresh_token`` is there if it was asked for.",
)
"""Flask-AppBuilder answers it; see :mod:`portal.web.sign_in.tokens`."""


@functools.cache
def document() -> dict[str, Any]:
    """The whole document."""
    calls = [LOGIN, *CALLS]
    kinds = [Problem, UUID, str, *(kind for one in calls for kind in _kinds(one))]
    schemas, components = written(kinds)
    by_kind = dict(zip(map(id, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in calls:
        path = _PLACE.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(one, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aoli",
            "version": __version__,
            "description": "Train on a shared cluster: jobs, virtual clusters, plugins.",
        },
        "servers": [{"url": PREFIX}],
        "security": [{"bearer": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {
                str(status): {
                    "description": text,
                    "content": {"application/problem+json": {"schema": by_kind[id(Problem)]}},
                }
                for status, text in PROBLEM_TEXT.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "aoli_session",
                    "description": "A browser's session; changes also need X-CSRFToken",
                },
            },
        },
    }


def _kinds(one: Call) -> list[Any]:
    bodies = [one.body] if one.body else []
    return [one.answer, *bodies, *(found.kind for found in (*one.query, *one.headers))]


def _operation(one: Call, by_kind: ByKind) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.summary,
        "description": one.about,
        "parameters": _parameters(one, by_kind),
        "responses": _responses(one, by_kind),
    }
    if not one.access.signed_in:
        operation["security"] = []
    if one.access.any_of:
        operation["x-permissions"] = [str(permission) for permission in one.access.any_of]
    if one.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": by_kind[id(one.body)]}},
        }
    return operation


def _parameters(one: Call, by_kind: ByKind) -> list[dict[str, Any]]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": by_kind[id(UUID if name == "job_id" else str)],
        }
        for name in _PLACE.findall(one.path)
    ]
    in_query: list[dict[str, Any]] = [
        {
            "name": found.name,
            "in": "query",
            "schema": by_kind[id(found.kind)],
            "description": found.about,
        }
        for found in one.query
    ]
    for parameter in in_query:
        if parameter["schema"].get("type") == "array":
            parameter.update(style="form", explode=False)
    in_header: list[dict[str, Any]] = [
        {
            "name": found.name,
            "in": "header",
            "schema": by_kind[id(found.kind)],
            "description": found.about,
        }
        for found in one.headers
    ]
    return in_path + in_query + in_header


def _answer(one: Call, content_type: str) -> Any:
    """A JSON answer's schema says nothing of the text that the same call can give."""
    mixed = "application/json" in one.content_types
    return str if mixed and content_type.startswith("text/") else one.answer


def _responses(one: Call, by_kind: ByKind) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if one.status != HTTPStatus.NO_CONTENT:
        done["content"] = {
            kind: {"schema": by_kind[id(_answer(one, kind))]} for kind in one.content_types
        }
    answers: dict[str, Any] = {str(one.status): done}
    statuses = set(one.problems)
    if one.access.signed_in:
        statuses |= {401, 403} if one.access.member or one.access.any_of else {401}
    if one.body is not None or one.method != "GET":
        statuses.add(400)
    for status in sorted(statuses):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return answers


@call(
    "GET",
    "/_openapi",
    tag="About the API",
    summary="This document",
    access=EVERYONE,
    answer=dict[str, Any],
)
def show_document() -> Any:
    """OpenAPI 3.1."""
    answer = reply(document())
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@blueprint.get("/docs")
def show_docs() -> Response:
    """The document as a page."""
    return Response(render_template("api_docs.html", document=document(), prefix=PREFIX))
