"""The blueprint of the calls, and the decorator that makes a function one of them.

Who may call, which query parameters there are and what is answered is said once, at the
function; the door and the OpenAPI document both read it there.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Response, request

from portal.api import auth, errors
from portal.domain.errors import FieldError, InvalidSpec

PREFIX = "/api/v1"
Schema = Mapping[str, Any]
View = TypeVar("View", bound=Callable[..., Any])

blueprint = Blueprint("api", __name__, url_prefix=PREFIX, template_folder="pages")
errors.install(blueprint)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: its name, its schema, what it does."""

    name: str
    schema: Schema
    about: str


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
    body: Schema | None
    answer: Schema | None
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
    body: Schema | None = None,
    answer: Schema | None = None,
    status: int = 200,
    content_types: tuple[str, ...] = ("application/json",),
    problems: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Make a function answer ``method path``; it returns JSON values or a ``Response``."""

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
