"""Groups (G4): the list, one group, the wizard, members and roles."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for

from portal.domain.errors import Conflict, Forbidden, InvalidSpec
from portal.domain.permission import Permission
from portal.http.access import actor
from portal.people.administration import administration
from portal.people.groups_and_roles import GroupFacts
from portal.web.base.permissions import permission_label
from portal.web.base.refusals import Errors, errors_of, refusal, refusals_flashed
from portal.web.base.words import gettext
from portal.web.people.deletion import Words, add_deletion
from portal.web.people.listing import Listing, chosen, users_page
from portal.web.people.menu import managers_only

blueprint = Blueprint("groups", __name__, url_prefix="/dashboard/groups")


@blueprint.get("/")
@managers_only
def index() -> str:
    """The list."""

    def find(*asked: Any) -> Any:
        return administration().groups.find(*asked, detailed=False)

    listing = Listing.read(url_for("groups.index"), find)
    return render_template("people/groups.html", listing=listing)


@blueprint.get("/<int:group_id>")
@managers_only
def show(group_id: int) -> str:
    """One group."""
    return _detail(group_id)


def _detail(group_id: int, errors: Errors | None = None) -> str:
    group = administration().groups.get(actor(), group_id)
    return render_template(
        "people/group.html",
        group=group,
        errors=errors or {},
        values={name: request.form.get(name, getattr(group, name)) for name in FIELDS},
    )


FIELDS = ("name", "description")


@blueprint.post("/<int:group_id>")
@managers_only
def modify(group_id: int) -> Any:
    """Change name and description."""
    body = {name: request.form.get(name, "") for name in FIELDS}
    try:
        return _change(group_id, {name: value or " " for name, value in body.items()})
    except InvalidSpec as invalid:
        return _detail(group_id, errors_of(invalid)), 422


def _change(group_id: int, body: dict[str, Any]) -> Any:
    try:
        group = administration().groups.modify(actor(), group_id, body)
    except (Conflict, Forbidden) as refused:
        flash(refusal(refused), "danger")
    else:
        flash(gettext("%(name)s is saved", name=group.name), "success")
    return redirect(url_for("groups.show", group_id=group_id), 303)


@blueprint.get("/<int:group_id>/roles")
@managers_only
def roles(group_id: int) -> str:
    """Choose the roles of a group."""
    group = administration().groups.get(actor(), group_id)
    return render_template(
        "people/choose.html",
        title=gettext("Roles of %(name)s", name=group.name),
        kind="roles",
        choices=administration().roles.listed(actor()),
        chosen=group.roles,
        crumb=(gettext("Group"), url_for("groups.index")),
        back=url_for("groups.show", group_id=group_id),
    )


@blueprint.post("/<int:group_id>/roles")
@managers_only
def choose_roles(group_id: int) -> Any:
    """Keep the chosen roles."""
    return _change(group_id, {"roles": request.form.getlist("chosen")})


@blueprint.get("/<int:group_id>/users")
@managers_only
def users(group_id: int) -> str:
    """Choose the members of a group."""
    group = administration().groups.get(actor(), group_id)
    return users_page(
        gettext("Users of %(name)s", name=group.name),
        url_for("groups.users", group_id=group_id),
        group=group.name,
        crumb=(gettext("Group"), url_for("groups.index")),
        back=url_for("groups.show", group_id=group_id),
    )


@blueprint.post("/<int:group_id>/users")
@managers_only
@refusals_flashed
def choose_users(group_id: int) -> Any:
    """Take in who was checked on the page, take out who was unchecked."""
    group = administration().groups.change_members(actor(), group_id, *chosen())
    flash(gettext("%(name)s is saved", name=group.name), "success")
    return redirect(url_for("groups.show", group_id=group_id), 303)


def _about_to_delete(group: GroupFacts) -> Words:
    return {
        "title": gettext("Delete the group %(name)s", name=group.name),
        "text": gettext("Its %(n)s members lose the roles that it gives.", n=group.users),
        "act": gettext("Delete group"),
        "done": gettext("The group %(name)s is deleted", name=group.name),
    }


add_deletion(blueprint, "group", lambda: administration().groups, _about_to_delete)


@blueprint.get("/new/")
@managers_only
def new() -> str:
    """The wizard."""
    return _wizard()


def _wizard(errors: Errors | None = None) -> str:
    return render_template(
        "people/group_new.html",
        errors=errors or {},
        values={name: request.form.get(name, "") for name in FIELDS},
        roles=administration().roles.listed(actor()),
        chosen=request.form.getlist("roles"),
        permissions=[(code.value, permission_label(code)) for code in Permission],
    )


def _new_body() -> dict[str, Any]:
    body: dict[str, Any] = {name: request.form.get(name, "") for name in FIELDS}
    return {**body, "roles": request.form.getlist("roles")}


@blueprint.post("/new/check")
@managers_only
def check() -> Any:
    """Whether a step is right so far."""
    step = request.args.get("step", "1")
    try:
        administration().groups.check(actor(), _new_body(), need_roles=step != "1")
    except InvalidSpec as invalid:
        return jsonify(errors=errors_of(invalid)), 422
    return jsonify(errors={})


@blueprint.post("/new/")
@managers_only
def create() -> Any:
    """Make the group."""
    wants_json = request.accept_mimetypes.best == "application/json"
    try:
        group = administration().groups.create(actor(), _new_body())
    except InvalidSpec as invalid:
        errors = errors_of(invalid)
    except (Conflict, Forbidden) as refused:
        errors = {"name" if isinstance(refused, Conflict) else "roles": [refusal(refused)]}
    else:
        flash(gettext("The group %(name)s is created", name=group.name), "success")
        target = url_for("groups.show", group_id=group.id)
        return (jsonify(location=target), 201) if wants_json else redirect(target, 303)
    return (jsonify(errors=errors), 422) if wants_json else (_wizard(errors), 422)
