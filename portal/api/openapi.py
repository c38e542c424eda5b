"""The OpenAPI document, made from the calls themselves, and a page to read it."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from flask import Response, render_template

from portal import __version__
from portal.api import schemas
from portal.api.auth import EVERYONE
from portal.api.calls import CALLS, PREFIX, Call, blueprint, call, reply

_PLACE = re.compile(r"<([a-z_]+)>")
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
LOGIN: dict[str, Any] = {
    "post": {
        "operationId": "login",
        "tags": ["Account"],
        "summary": "Get a bearer token for an account and its password",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schemas.record(
                        ("provider", "refresh"),
                        username=schemas.TEXT,
                        password={**schemas.TEXT, "writeOnly": True},
                        provider={"type": "string", "enum": ["db"], "default": "db"},
                        refresh=schemas.YES_NO,
                    )
                }
            },
        },
        "responses": {
            "200": {
                "description": "The token; refresh_token if it was asked for",
                "content": {
                    "application/json": {
                        "schema": schemas.record(
                            ("refresh_token",),
                            access_token=schemas.TEXT,
                            refresh_token=schemas.TEXT,
                        )
                    }
                },
            },
            "401": {"$ref": "#/components/responses/401"},
            "422": {"$ref": "#/components/responses/422"},
            "429": {"description": "Too many wrong passwords; see Retry-After"},
        },
    }
}


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {"/security/login": LOGIN}
    for one in CALLS:
        path = _PLACE.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(one)
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
            "schemas": schemas.COMPONENTS,
            "responses": {str(status): _problem(text) for status, text in PROBLEM_TEXT.items()},
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


def _operation(one: Call) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.summary,
        "description": one.about,
        "parameters": _parameters(one),
        "responses": _responses(one),
    }
    if not one.access.signed_in:
        operation["security"] = []
    if one.access.any_of:
        operation["x-permissions"] = [str(permission) for permission in one.access.any_of]
    if one.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": one.body}},
        }
    return operation


def _parameters(one: Call) -> list[dict[str, Any]]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": schemas.JOB_ID if name == "job_id" else schemas.TEXT,
        }
        for name in _PLACE.findall(one.path)
    ]
    in_query: list[dict[str, Any]] = [
        {"name": found.name, "in": "query", "schema": found.schema, "description": found.about}
        for found in one.query
    ]
    for parameter in in_query:
        if parameter["schema"].get("type") == "array":
            parameter.update(style="form", explode=False)
    in_header: list[dict[str, Any]] = [
        {"name": found.name, "in": "header", "schema": found.schema, "description": found.about}
        for found in one.headers
    ]
    return in_path + in_query + in_header


def _responses(one: Call) -> dict[str, Any]:
    schema = one.answer or schemas.TEXT
    done: dict[str, Any] = {"description": "Done"}
    if one.status != HTTPStatus.NO_CONTENT:
        done["content"] = {kind: {"schema": schema} for kind in one.content_types}
    answers: dict[str, Any] = {str(one.status): done}
    statuses = set(one.problems)
    if one.access.signed_in:
        statuses |= {401, 403} if one.access.member or one.access.any_of else {401}
    if one.body is not None or one.method != "GET":
        statuses.add(400)
    for status in sorted(statuses):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return answers


def _problem(text: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": schemas.ref("Problem")}}
    return {"description": text, "content": content}


@call(
    "GET",
    "/_openapi",
    tag="About the API",
    summary="This document",
    access=EVERYONE,
    answer={"type": "object"},
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
