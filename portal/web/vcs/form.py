"""Between the fields of the virtual cluster dialogs and the body that the service takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from portal.services.vcs.reading import VirtualCluster

MEMBER_KINDS = {"user": "users", "group": "groups"}
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
DEFAULT_GRACE_S = 30


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """One device type in the dialog. ``most``: what this VC may have of it."""

    device_type: str
    value: str
    limit: str
    total: int
    most: int
    holders: str


def body_of_form(form: MultiDict[str, str], device_types: Sequence[str], *, quota: bool) -> Any:
    """The body of a sent dialog; what is no number goes on as it was typed.

    ``quota``: it was open for editing.
    """
    body: dict[str, Any] = {
        "members": members_of_form(form),
        "user_limit": {
            kind: _number(form[f"user_limit.{kind}"])
            for kind in device_types
            if form.get(f"user_limit.{kind}", "").strip()
        },
        "max_run_time_s": _run_time(form),
        "preempt_grace_s": _number(form.get("preempt_grace_s", "")),
    }
    if quota:
        body["quota"] = {
            kind: _number(form.get(f"quota.{kind}", "") or "0")
            for kind in device_types
            if f"quota.{kind}" in form
        }
    return body


def members_of_form(form: MultiDict[str, str]) -> dict[str, list[str]]:
    """Chosen members and those just typed: names, groups as ``group:name``."""
    typed = form.get("member_new", "").replace("，", ",").split(",")
    members: dict[str, list[str]] = {"users": [], "groups": []}
    for text in [*form.getlist("member"), *typed]:
        kind, mark, name = text.strip().partition(":")
        plural = MEMBER_KINDS.get(kind.strip()) if mark else None
        if plural:
            members[plural].append(name.strip())
        elif text.strip():
            members["users"].append(text.strip())
    return members


def _run_time(form: MultiDict[str, str]) -> int | str | None:
    text = form.get("max_run_time", "").strip()
    if not text:
        return None
    number = _number(text)
    unit = UNITS.get(form.get("max_run_time_unit", ""), 3600)
    return number * unit if isinstance(number, int) else text


def _number(text: str) -> int | str:
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text


def values_of(vc: VirtualCluster | None) -> dict[str, Any]:
    """What the dialog shows of a VC, or of a new one."""
    if vc is None:
        return {
            "name": "",
            "quota": {},
            "members": [],
            "user_limit": {},
            **_shown_time(None),
            "preempt_grace_s": str(DEFAULT_GRACE_S),
        }
    return {
        "name": vc.name,
        "quota": vc.quota,
        "members": _chips(vc.members),
        "user_limit": vc.user_limit,
        **_shown_time(vc.max_run_time_s),
        "preempt_grace_s": str(vc.preempt_grace_s),
    }


def values_of_form(form: MultiDict[str, str], name: str) -> dict[str, Any]:
    """What was typed, to show it again."""

    def typed(prefix: str) -> dict[str, str]:
        return {key.removeprefix(prefix): form[key] for key in form if key.startswith(prefix)}

    return {
        "name": form.get("name", name),
        "quota": typed("quota."),
        "members": _chips(members_of_form(form)),
        "user_limit": typed("user_limit."),
        "max_run_time": form.get("max_run_time", ""),
        "max_run_time_unit": form.get("max_run_time_unit", "hours"),
        "preempt_grace_s": form.get("preempt_grace_s", ""),
    }


def _chips(members: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    users = [("user", name) for name in members["users"]]
    return users + [("group", name) for name in members["groups"]]


def _shown_time(seconds: int | None) -> dict[str, str]:
    """In the largest unit that leaves a whole number."""
    if seconds is None:
        return {"max_run_time": "", "max_run_time_unit": "hours"}
    unit = next(name for name, size in reversed(UNITS.items()) if seconds % size == 0)
    return {"max_run_time": str(seconds // UNITS[unit]), "max_run_time_unit": unit}
