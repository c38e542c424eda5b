"""The blueprint of the calls, and the decorator that makes a function one of them.

Who may call, which query parameters there are and what is answered is said once, at the
function; the door and the OpenAPI document both read it there.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException

from portal.api import auth
from portal.domain.errors import AoliError, FieldError, InvalidSpec
from portal.http.problems import domain_problem, http_problem
from portal.services.jobs.listing import DEFAULT_LIMIT, MAX_LIMIT

PREFIX = "/api/v1"
View = TypeVar("View", bound=Callable[..., Any])

blueprint = Blueprint("api", __name__, url_prefix=PREFIX, template_folder="pages")
blueprint.register_error_handler(AoliError, domain_problem)
blueprint.register_error_handler(HTTPException, http_problem)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: its name, its type, what it does."""

    name: str
    kind: Any
    about: str


PAGING = (
    Parameter(
        "limit",
        Annotated[int, Field(ge=1, le=MAX_LIMIT, json_schema_extra={"default": DEFAULT_LIMIT})],
        "Page size",
    ),
    Parameter("cursor", str, "next_cursor of the page before"),
)
"""Of every call that answers a page of a list."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the document shows it."""

    method: str
    path: str
    tag: str
    summary: str
    access: auth.Access
    query: tuple[Parameter, ...]
    headers: tuple[Parameter, ...]
    body: type[BaseModel] | None
    answer: Any
    status: int
    content_types: tuple[str, ...]
    problems: tuple[int, ...]
    name: str
    about: str


CALLS: list[Call] = []
"""Every call, in the order of definition."""


def call(
    method: str,
    path: str,
    *,
    tag: str,
    summary: str,
    access: auth.Access,
    query: tuple[Parameter, ...] = (),
    headers: tuple[Parameter, ...] = (),
    body: type[BaseModel] | None = None,
    answer: Any = str,
    status: int = 200,
    content_types: tuple[str, ...] = ("application/json",),
    problems: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Make a function answer ``method path``; it returns JSON values or a ``Response``.

    ``body`` and ``answer`` are what the document shows: models, or types of them.
    """

    def decorate(view: View) -> View:
        known = frozenset(parameter.name for parameter in query)

        @functools.wraps(view)
        def guarded(**arguments: Any) -> Any:
            auth.admit(access)
            _refuse_unknown(known)
            answered = view(**arguments)
            return answered if isinstance(answered, Response) else reply(answered, status)

        name = view.__name__
        made = Call(
            method=method,
            path=path,
            tag=tag,
            summary=summary,
            access=access,
            query=query,
            headers=headers,
            body=body,
            answer=answer,
            status=status,
            content_types=content_types,
            problems=problems,
            name=name,
            about=(view.__doc__ or "").strip(),
        )
        CALLS.append(made)
        blueprint.add_url_rule(path, name, guarded, methods=[method])
        return view

    return decorate


def _refuse_unknown(known: frozenset[str]) -> None:
    """A filter that is misspelt must not be as good as none."""
    unknown = [name for name in request.args if name not in known]
    if unknown:
        raise InvalidSpec.of((name[:64], FieldError("Unknown parameter")) for name in unknown)


def reply(data: Any, status: int = 200) -> Response:
    """A JSON answer, its names in the order of the contract."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    answer = Response(text + "\n", status, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer
