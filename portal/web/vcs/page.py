"""Virtual Cluster: the list, and the dialogs that add, modify and delete.

Each dialog is a page of its own as well (for who opens its address, or has no scripts); a
script fetches it with ``X-Requested-With`` and shows it over the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for

from portal.domain.errors import Conflict, InvalidSpec, NotFound
from portal.domain.permission import Permission
from portal.http.access import actor, allowed, requires
from portal.http.services import services
from portal.services.vcs import activity as vc_activity
from portal.services.vcs import reading as virtual_clusters
from portal.services.vcs.fitting import Unfit
from portal.services.vcs.reading import VirtualCluster
from portal.web.base.frame import vc_access
from portal.web.base.refusals import Errors, errors_of
from portal.web.base.words import gettext, listed, ngettext
from portal.web.vcs.form import QuotaRow, body_of_form, values_of, values_of_form
from portal.web.vcs.items import VcItem, lines, shares

blueprint = Blueprint("virtual_clusters", __name__, url_prefix="/virtual-clusters")

MOST_UNFIT = 5
"""Jobs that are named where a quota would be too small for them."""
VIEWERS = (Permission.VIEW_VC, Permission.MANAGE_VC)


@blueprint.get("/")
@requires(*VIEWERS)
def index() -> str:
    """The list."""
    return render_template("vcs/vcs.html", **_list_values())


@blueprint.get("/list")
@requires(*VIEWERS)
def fragment() -> str:
    """The list alone, for the live update."""
    return render_template("vcs/list.html", **_list_values())


def _list_values() -> dict[str, Any]:
    visible = lines(actor())
    return {
        "lines": visible,
        "shares": shares(_types(), visible),
        "manages": allowed(Permission.MANAGE_VC),
        "sees_jobs": allowed(Permission.VIEW_ALL_JOBS),
        "locked": any(line.no_change for line in visible),
    }


def _types() -> list[str]:
    return sorted(services().registry.device_types)


@blueprint.route("/add", methods=["GET", "POST"])
@requires(Permission.MANAGE_VC)
def add() -> Any:
    """Add a virtual cluster."""
    if request.method == "GET":
        return _form("add", None, values_of(None))
    name = request.form.get("name", "").strip()
    body = {"name": name, **body_of_form(request.form, _types(), quota=True)}
    try:
        services().vc_editor.add(actor(), body)
    except InvalidSpec as invalid:
        return _form("add", None, values_of_form(request.form, ""), errors_of(invalid))
    except Conflict:
        taken = {"name": [gettext("There is a virtual cluster of this name already.")]}
        return _form("add", None, values_of_form(request.form, ""), taken)
    return _done(gettext("Virtual cluster %(name)s is added", name=name))


@blueprint.route("/<name>/modify", methods=["GET", "POST"])
@requires(Permission.MANAGE_VC)
def modify(name: str) -> Any:
    """Modify values. While jobs hold devices the quota is closed, the rest is open."""
    line = _line(name)
    if request.method == "GET":
        return _form("modify", line, values_of(line.vc))
    quota_open = not line.no_change and "quota_open" in request.form
    body = body_of_form(request.form, _types(), quota=quota_open)
    values = values_of_form(request.form, name)
    try:
        unfit = services().vc_editor.would_not_fit(actor(), name, body)
        if unfit.total > max(_agreed(request.form), _unfit_now(name)):
            return _form("modify", line, values, unfit=unfit), 409
        services().vc_editor.modify(actor(), name, body)
    except InvalidSpec as invalid:
        return _form("modify", line, values, errors_of(invalid))
    except Conflict:
        refused = gettext("A job has started meanwhile; the quota cannot be changed now.")
        return _form("modify", _line(name), values, {"": [refused]})
    return _done(gettext("Virtual cluster %(name)s is modified", name=name))


@blueprint.route("/<name>/delete", methods=["GET", "POST"])
@requires(Permission.MANAGE_VC)
def delete(name: str) -> Any:
    """Delete a virtual cluster; its name is typed to confirm."""
    line = _line(name)
    if request.method == "GET" or request.form.get("confirm", "").strip() != name:
        status = 200 if request.method == "GET" else 422
        return _page("vcs/delete.html", line=line, contents=vc_activity.contents(name)), status
    try:
        services().vc_editor.delete(actor(), name)
    except Conflict:
        values = {"line": _line(name), "contents": vc_activity.contents(name)}
        return _page("vcs/delete.html", **values), 409
    return _done(gettext("Virtual cluster %(name)s is deleted", name=name))


def _line(name: str) -> VcItem:
    for line in lines(actor()):
        if line.vc.name == name:
            return line
    raise NotFound("There is no virtual cluster of this name")


def _done(title: str) -> Any:
    flash(title, "success")
    target = url_for("virtual_clusters.index")
    if "X-Requested-With" in request.headers:
        return jsonify(location=target)
    return redirect(target, 303)


def _page(template: str, **values: Any) -> str:
    alone = "X-Requested-With" not in request.headers
    return render_template(template, alone=alone, storage=services().settings.storage, **values)


def _form(
    act: str,
    line: VcItem | None,
    values: dict[str, Any],
    errors: Errors | None = None,
    unfit: Unfit | None = None,
) -> Any:
    """The dialog; with errors it is a 422, and everything typed is still in it.

    ``unfit``: the jobs that would never start with what was typed, to be agreed to.
    """
    vc = line.vc if line else None
    chosen = services().registry.device_types
    page = _page(
        "vcs/form.html",
        act=act,
        line=line,
        values=values,
        errors=errors or {},
        unfit=unfit,
        unfit_names=_names_of(unfit),
        rows=_quota_rows(vc, values),
        quota_open=line is None or not line.no_change,
        device_types=sorted(chosen),
        names=[known.vc.name for known in lines(actor())],
        candidates=vc_activity.candidates(),
    )
    return (page, 422) if errors else page


def _agreed(form: Mapping[str, str]) -> int:
    """How many jobs without hope the dialog has told of already."""
    told = form.get("unfit", "")
    return int(told) if told.isdecimal() and len(told) < 10 else 0


def _unfit_now(name: str) -> int:
    """How many jobs have no hope as it is: nobody asks about them again."""
    return services().vc_editor.would_not_fit(actor(), name, {"quota": {}}).total


def _names_of(unfit: Unfit | None) -> str:
    """``train (alice), sweep (bob) and 3 more``."""
    if unfit is None:
        return ""
    said = [f"{job.name} ({job.user})" for job in unfit.jobs[:MOST_UNFIT]]
    if unfit.total > len(said):
        more = unfit.total - len(said)
        said.append(ngettext("%(num)s more", "%(num)s more", more))
    return listed(said)


def _quota_rows(vc: VirtualCluster | None, values: dict[str, Any]) -> list[QuotaRow]:
    totals = virtual_clusters.device_totals()
    free = services().vc_editor.remaining(besides=vc.name if vc else "")
    rows = []
    for kind in _types():
        own = vc.quota.get(kind, 0) if vc else 0
        if not totals.get(kind) and not own:
            continue
        rows.append(
            QuotaRow(
                device_type=kind,
                value=str(values["quota"].get(kind, 0)),
                limit=str(values["user_limit"].get(kind, "")),
                total=totals.get(kind, 0),
                most=max(free.get(kind, 0), own),
                holders=_holders(kind, vc),
            )
        )
    return rows


def _holders(kind: str, besides: VirtualCluster | None) -> str:
    """Who holds the rest of a device type: ``platform 8, vision 6``."""
    own = besides.name if besides else ""
    held = [
        f"{vc.name} {vc.quota[kind]}"
        for vc in vc_access().everything
        if vc.name != own and vc.quota.get(kind)
    ]
    return listed(held)
