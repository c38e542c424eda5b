"""New users in three steps: information, roles, preview; up to ten, all or none (G3)."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for

from portal.domain.errors import AoliError, Conflict, Forbidden, InvalidSpec
from portal.domain.permission import Permission
from portal.domain.storage_path import roots
from portal.http.access import actor
from portal.http.services import services
from portal.people.account_fields import MAX_BATCH
from portal.people.accounts import NEW
from portal.people.administration import administration
from portal.web.base.permissions import permission_label
from portal.web.base.refusals import Errors, errors_of, refusal
from portal.web.base.words import listed, ngettext
from portal.web.people.menu import managers_only

blueprint = Blueprint("user_wizard", __name__, url_prefix="/dashboard/users/new")

_NAME = re.compile(r"users\.([0-9]{1,3})\.([a-z]+)")
Rows = dict[int, dict[str, str]]


@blueprint.get("/")
@managers_only
def index() -> str:
    """The wizard; ``rows`` asks for more rows where there is no script."""
    rows = request.args.get("rows", "1")
    count = min(max(int(rows), 1), MAX_BATCH) if rows.isdecimal() and len(rows) < 4 else 1
    return _page({number: {} for number in range(count)})


def _page(rows: Rows, errors: Errors | None = None) -> str:
    return render_template(
        "people/user_new.html",
        rows=rows or {0: {}},
        errors=errors or {},
        roles=administration().roles.listed(actor()),
        chosen=request.form.getlist("roles"),
        permissions=[(code.value, permission_label(code)) for code in Permission],
        most=MAX_BATCH,
        work_path=roots(services().settings.storage, "NAME", "", services().clock())["work"],
    )


def _sent() -> Rows:
    """The rows of the form by their number; a row with nothing in it is left out."""
    rows: Rows = {}
    for name, value in request.form.items():
        found = _NAME.fullmatch(name)
        if found and found.group(2) in NEW:
            rows.setdefault(int(found.group(1)), {})[found.group(2)] = value
    return {number: row for number, row in sorted(rows.items()) if any(row.values())}


def _body(rows: Rows) -> dict[str, Any]:
    return {"users": list(rows.values()), "roles": request.form.getlist("roles")}


def _at_rows(errors: Errors, rows: Rows) -> Errors:
    """Errors count the rows that were sent; the form knows them by their own numbers."""
    numbers = list(rows)
    found: Errors = {}
    for name, texts in errors.items():
        place = _NAME.fullmatch(name)
        if place and int(place.group(1)) < len(numbers):
            name = f"users.{numbers[int(place.group(1))]}.{place.group(2)}"
        found[name] = texts
    return found


@blueprint.post("/check")
@managers_only
def check() -> Any:
    """Whether a step is right so far; its errors by field."""
    rows, step = _sent(), request.args.get("step", "1")
    try:
        administration().users.check_batch(actor(), _body(rows), need_roles=step != "1")
    except InvalidSpec as invalid:
        return jsonify(errors=_at_rows(errors_of(invalid), rows)), 422
    return jsonify(errors={})


@blueprint.post("/")
@managers_only
def create() -> Any:
    """Make them all. The script gets JSON and keeps the form; without it the page comes back."""
    rows = _sent()
    wants_json = request.accept_mimetypes.best == "application/json"
    try:
        made = administration().users.create_batch(actor(), _body(rows))
    except InvalidSpec as invalid:
        errors = _at_rows(errors_of(invalid), rows)
        return (jsonify(errors=errors), 422) if wants_json else (_page(rows, errors), 422)
    except (Conflict, Forbidden) as refused:
        return _refused(refused, rows, wants_json)
    names = listed(user.username for user in made)
    flash(
        ngettext(
            "%(names)s is created", "%(num)s users are created: %(names)s", len(made), names=names
        )
    )
    target = url_for("users.index")
    return (jsonify(location=target), 201) if wants_json else redirect(target, 303)


def _refused(error: AoliError, rows: Rows, wants_json: bool) -> Any:
    errors: Errors = {"roles": [refusal(error)]}
    return (jsonify(errors=errors), 422) if wants_json else (_page(rows, errors), 422)
