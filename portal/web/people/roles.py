"""Roles (G5, G6): the list with an editor beside it, and who has a role."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from portal.domain.errors import Conflict, Forbidden, InvalidSpec
from portal.domain.permission import Permission, with_implied
from portal.http.access import actor
from portal.people.administration import administration
from portal.people.groups_and_roles import RoleFacts
from portal.web.base.permissions import permission_label, permission_text
from portal.web.base.refusals import Errors, errors_of, refusal, refusals_flashed
from portal.web.base.words import gettext
from portal.web.people.deletion import Words, add_deletion
from portal.web.people.listing import Listing, chosen, users_page
from portal.web.people.menu import managers_only

blueprint = Blueprint("roles", __name__, url_prefix="/dashboard/roles")


@blueprint.get("/")
@managers_only
def index() -> str:
    """The list."""
    return _page()


@blueprint.get("/new")
@managers_only
def new() -> str:
    """The list with an empty editor."""
    return _page(editor=True)


@blueprint.get("/<int:role_id>")
@managers_only
def show(role_id: int) -> str:
    """The list with a role in the editor."""
    return _page(administration().roles.get(actor(), role_id), editor=True)


def _page(
    role: RoleFacts | None = None, *, editor: bool = False, errors: Errors | None = None
) -> str:
    sent = request.method == "POST"
    codes = administration().roles.codes(actor())
    ours = [code.value for code in Permission]
    held = set(request.form.getlist("permissions")) if sent else role.permissions if role else set()
    return render_template(
        "people/roles.html",
        listing=Listing.read(url_for("roles.index"), administration().roles.find),
        role=role,
        editor=editor,
        errors=errors or {},
        values={
            "name": request.form.get("name", role.name if role else ""),
            "description": request.form.get("description", role.description if role else ""),
        },
        held=held,
        platform=[(code, permission_label(code), permission_text(code)) for code in ours],
        plugins=[code for code in codes if code not in ours],
        mine=with_implied(actor().permissions),
    )


def _body() -> dict[str, Any]:
    return {
        "name": request.form.get("name", "").strip() or " ",
        "description": request.form.get("description", "").strip() or " ",
        "permissions": request.form.getlist("permissions"),
    }


@blueprint.post("/new")
@managers_only
def create() -> Any:
    """Make a custom role."""
    return _keep(None)


@blueprint.post("/<int:role_id>")
@managers_only
def modify(role_id: int) -> Any:
    """Change a custom role."""
    return _keep(administration().roles.get(actor(), role_id))


def _keep(role: RoleFacts | None) -> Any:
    service = administration().roles
    try:
        if role is None:
            kept = service.create(actor(), _body())
        else:
            kept = service.modify(actor(), role.id, _body())
    except InvalidSpec as invalid:
        return _page(role, editor=True, errors=errors_of(invalid)), 422
    except (Conflict, Forbidden) as refused:
        field = "name" if isinstance(refused, Conflict) else "permissions"
        return _page(role, editor=True, errors={field: [refusal(refused)]}), 422
    flash(gettext("The role %(name)s is saved", name=kept.name), "success")
    return redirect(url_for("roles.show", role_id=kept.id), 303)


@blueprint.get("/<int:role_id>/users")
@managers_only
def users(role_id: int) -> str:
    """Choose who has the role."""
    role = administration().roles.get(actor(), role_id)
    return users_page(
        gettext("Users with the role %(name)s", name=role.name),
        url_for("roles.users", role_id=role_id),
        role=role.name,
        **_place(),
    )


@blueprint.get("/<int:role_id>/groups")
@managers_only
def groups(role_id: int) -> str:
    """Choose which groups give the role."""
    role = administration().roles.get(actor(), role_id)
    found = administration().groups.listed(actor())
    return render_template(
        "people/choose.html",
        title=gettext("Groups with the role %(name)s", name=role.name),
        kind="groups",
        choices=found,
        chosen=[group.name for group in found if role.name in group.roles],
        by_id=True,
        **_place(),
    )


def _place() -> dict[str, Any]:
    index = url_for("roles.index")
    return {"crumb": (gettext("Role"), index), "back": index}


@blueprint.post("/<int:role_id>/<any(users, groups):kind>")
@managers_only
@refusals_flashed
def relate(role_id: int, kind: str) -> Any:
    """Give the role to who was checked on the page, take it from who was unchecked."""
    role = administration().roles.relate(actor(), role_id, kind, *chosen())
    flash(gettext("The role %(name)s is saved", name=role.name), "success")
    return redirect(url_for("roles.index"), 303)


def _about_to_delete(role: RoleFacts) -> Words:
    return {
        "title": gettext("Delete the role %(name)s", name=role.name),
        "text": gettext("%(n)s users have it now and lose what it allows.", n=role.users),
        "act": gettext("Delete role"),
        "done": gettext("The role %(name)s is deleted", name=role.name),
    }


add_deletion(blueprint, "role", lambda: administration().roles, _about_to_delete)
