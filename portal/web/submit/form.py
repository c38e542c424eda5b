"""Between the fields of the submit page and the body that the services take.

The page checks nothing itself: whatever cannot be turned into the body's types is handed on
as it was typed, and the service says at which field it is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.datastructures import MultiDict

from portal.domain.errors import FieldError, InvalidSpec
from portal.domain.job import DEFAULT_PRIORITY, ENDPOINT_KINDS, MOUNT_POINTS
from portal.domain.secret_words import tells_of_secret

Body = dict[str, Any]


def body_of_form(form: MultiDict[str, str], vc: str, extra_fields: Sequence[str] = ()) -> Body:
    """The submission body of a sent form."""
    body: Body = {
        "name": form.get("name", ""),
        "vc": vc,
        "kind": form.get("kind", ""),
        "preemptible": form.get("preemptible") == "true",
        "priority": _number(form.get("priority", "")) or DEFAULT_PRIORITY,
        "image": form.get("image", ""),
        "command": form.get("command", "").replace("\r\n", "\n"),  # forms end lines with both
        "devices": _number(form.get("devices", "")) if form.get("device_type") else 0,
        "interactive_ports": _ports(form.get("interactive_ports", "")),
        "endpoints": [kind for kind in form.getlist("endpoints") if kind],
        "mounts": _mounts(form),
        "env": {name: value for name, value, _ in _env_rows(form)},
    }
    secret = [name for name, _, marked in _env_rows(form) if marked]
    if secret:
        body["secret_env"] = secret
    if form.get("device_type"):
        body["device_type"] = form["device_type"]
    if form.get("nodes"):
        body["nodes"] = _number(form["nodes"])
    if form.get("registry.enabled") == "true":
        body["registry"] = {
            part: form.get(f"registry.{part}", "") for part in ("server", "username", "password")
        }
    body.update({name: form[name] for name in extra_fields if form.get(name)})
    return body


def check_form(form: MultiDict[str, str]) -> None:
    """What only a form can get wrong: the same variable in two rows."""
    names = [name for name, _, _ in _env_rows(form)]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InvalidSpec.of(
            (f"env.{name}", FieldError("%(name)s is given twice", {"name": name}))
            for name in sorted(twice)
        )


def _number(text: str) -> int | str:
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text


def _ports(text: str) -> list[int | str]:
    return [_number(part) for part in text.replace("，", ",").split(",") if part.strip()]


def _mounts(form: MultiDict[str, str]) -> dict[str, dict[str, Any]]:
    return {
        point: {
            "enabled": form.get(f"mounts.{point}.enabled") == "true",
            "sub_path": form.get(f"mounts.{point}.sub_path", "").strip(),
        }
        for point in MOUNT_POINTS
    }


def _env_rows(form: MultiDict[str, str]) -> list[tuple[str, str, bool]]:
    """Name, value, marked as secret of rows with one of both; an empty row is no mistake."""
    names, values = form.getlist("env.name"), form.getlist("env.value")
    marks = [*form.getlist("env.secret"), *([""] * len(names))]
    rows = zip(names, values, marks, strict=False)
    return [
        (name.strip(), value, mark == "true") for name, value, mark in rows if name.strip() or value
    ]


def _body_rows(body: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    marked = body.get("secret_env") or ()
    return [(name, value, name in marked) for name, value in (body.get("env") or {}).items()]


def _shown_rows(rows: Sequence[tuple[str, str, bool]]) -> list[dict[str, Any]]:
    """The rows as the page draws them; ``hidden`` values are not shown unasked."""
    return [
        {
            "name": name,
            "value": value,
            "secret": marked,
            "hidden": marked or tells_of_secret(name),
        }
        for name, value, marked in rows
    ]


def shown_values(body: Mapping[str, Any], form: MultiDict[str, str] | None = None) -> Body:
    """What the form's fields show: a body with every place filled, rows as rows.

    ``form`` keeps what was typed where a body cannot (a row without a name, wrong ports).
    """
    mounts = body.get("mounts") or {}
    registry = body.get("registry") or {}
    ports = body.get("interactive_ports") or ()
    return {
        "name": "",
        "kind": "regular",
        "preemptible": False,
        "priority": DEFAULT_PRIORITY,
        "device_type": None,
        "devices": 0,
        "nodes": 1,
        "image": "",
        "command": "",
        **{key: value for key, value in body.items() if value is not None},
        "interactive_ports": ", ".join(str(port) for port in ports),
        "endpoints": [kind for kind in ENDPOINT_KINDS if kind in (body.get("endpoints") or ())],
        "mounts": {
            point: {"enabled": True, "sub_path": "", **(mounts.get(point) or {})}
            for point in MOUNT_POINTS
        },
        "env": _shown_rows(_env_rows(form) if form is not None else _body_rows(body)),
        "registry": {
            "enabled": bool(registry),
            "server": registry.get("server", ""),
            "username": registry.get("username", ""),
        },
    }
