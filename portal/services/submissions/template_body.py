"""What a template keeps of a submission: its fields in their shapes, none of its secrets.

A template may be incomplete (a form that is not yet filled), so nothing is required here and
no quota is asked; but a field that is there must have the shape that the form can show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from portal.domain.errors import InvalidSpec, WrongValue
from portal.domain.fields import boolean, each, integer, short_text, text
from portal.domain.limits import (
    MAX_COMMAND_BYTES,
    MAX_IMAGE,
    MAX_NAME,
    MAX_REGISTRY_FIELD,
    together_too_long,
)
from portal.domain.secret_words import emptied, tells_of_secret
from portal.services.submissions import field_checks as check

MAX_FIELDS = 64
MAX_TEXT = 4096


def template_body(body: Any) -> tuple[dict[str, Any], list[str]]:
    """The body to keep, and the dotted names of what was emptied in it.

    Raises ``InvalidSpec`` with every field of a wrong shape.
    """
    return without_secrets(shaped(body))


def shaped(body: Any) -> Mapping[str, Any]:
    """The body itself, if every field has a shape that the form can show.

    Raises ``InvalidSpec`` with every field that has not.
    """
    if not isinstance(body, Mapping) or len(body) > MAX_FIELDS:
        raise InvalidSpec("job", "Must be the body of a submission")
    filled = {name: value for name, value in body.items() if value is not None}
    each(filled, lambda name, value: _SHAPES.get(name, _plain)(value))
    error = together_too_long(body.get("command") or "", body.get("env") or {})
    if error is not None:
        raise InvalidSpec.of([("env", error)])
    return {str(name): value for name, value in body.items()}


def without_secrets(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The body without secrets, and the dotted names of what was emptied or left out.

    A registry's password and a kind's secret fields are left out, values are emptied.
    """
    kept, taken = emptied(body)
    dropped = {key for key in kept if key not in _SHAPES and tells_of_secret(key)}
    return {key: value for key, value in kept.items() if key not in dropped}, taken


def _text(maximum: int) -> Callable[[Any], object]:
    return lambda value: text(value, maximum=maximum, required=False)


def _command(value: Any) -> None:
    if isinstance(value, str):
        value = value.replace("\r\n", "\n")
    short_text(value, max_bytes=MAX_COMMAND_BYTES, required=False)


_count = integer(0, 10_000_000)


def _registry(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise WrongValue("Must be {server, username, password}")
    each(value, lambda _, part: text(part, maximum=MAX_REGISTRY_FIELD, required=False))


def _plain(value: Any) -> None:
    """A plugin's field: one value, so that nothing can hide in it."""
    if not isinstance(value, (str, int, float, bool)):
        raise WrongValue("Must be text, a number, true or false")
    text(str(value), maximum=MAX_TEXT, required=False)


_SHAPES: dict[str, Callable[[Any], object]] = {
    "name": _text(MAX_NAME),
    "image": _text(MAX_IMAGE),
    "command": _command,
    "preemptible": boolean,
    "priority": check.priority,
    "devices": _count,
    "nodes": _count,
    "interactive_ports": check.ports,
    "endpoints": check.endpoints,
    "mounts": check.mounts,
    "env": check.env,
    "secret_env": check.secret_names,
    "registry": _registry,
}
