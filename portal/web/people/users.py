"""Users: the list, one user, and what is done to him."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from portal.domain.errors import InvalidSpec
from portal.http.access import actor
from portal.people.administration import administration
from portal.people.directory import NO_ROLE, PASSWORD, SORTS, Account, UserQuery
from portal.people.groups_and_roles import ADMIN_ROLE
from portal.people.identities import PROVIDERS
from portal.services.records import audit
from portal.services.records.audit import AuditQuery
from portal.web.base.pager import Pager
from portal.web.base.refusals import errors_of, refusals_flashed
from portal.web.base.table_address import TableAddress
from portal.web.base.words import gettext
from portal.web.people.audit_words import sentence
from portal.web.people.menu import managers_only

blueprint = Blueprint("users", __name__, url_prefix="/dashboard/users")

FILTERS = ("q", "role", "group", "method")
FIELDS = ("nickname", "phone", "email")
MOST_CHOICES = 200


def method_word(method: str) -> str:
    """A way to sign in, in the reader's language."""
    words = {
        PASSWORD: gettext("Account"),
        "wechat": gettext("WeChat"),
        "microsoft": gettext("Microsoft"),
    }
    return words.get(method, method)


@blueprint.get("/")
@managers_only
def index() -> str:
    """The list."""
    address = TableAddress.read(
        url_for("users.index"), request.args, FILTERS, tuple(SORTS), "username"
    )
    query = UserQuery(
        **address.filters, sort=address.sort, limit=address.limit, offset=address.offset
    )
    found, total = administration().users.find(actor(), query)
    more = address.offset + len(found) < total
    roles = _some(administration().roles.names(actor()), query.role)
    return render_template(
        "people/users.html",
        address=address,
        users=found,
        pages=Pager.of(address, len(found), total, more),
        total=total,
        me=actor().user_id,
        admin_role=ADMIN_ROLE,
        method_word=method_word,
        choices={
            "role": [(NO_ROLE, gettext("no role")), *roles],
            "group": _some(administration().groups.names(actor()), query.group),
            "method": [(one, method_word(one)) for one in (PASSWORD, *PROVIDERS)],
        },
    )


def _some(names: Sequence[str], chosen: str) -> list[tuple[str, str]]:
    """Choices of a filter: not more than one can look through, the chosen one among them."""
    shown = dict.fromkeys([*names[:MOST_CHOICES], *([chosen] if chosen in names else [])])
    return [(name, name) for name in shown]


@blueprint.get("/<int:user_id>")
@managers_only
def show(user_id: int) -> str:
    """One user."""
    return _detail(administration().users.get(actor(), user_id))


def _detail(user: Account, errors: Any = None, values: Any = None) -> str:
    entries = audit.search(
        actor(), AuditQuery(object=user.username, object_type="user", limit=6)
    ).items
    return render_template(
        "people/user.html",
        user=user,
        errors=errors or {},
        values=values or {name: getattr(user, name) for name in FIELDS},
        me=actor().user_id,
        admin=ADMIN_ROLE in (*user.roles, *user.group_roles),
        method_word=method_word,
        changes=[(entry, sentence(entry)) for entry in entries],
    )


@blueprint.post("/<int:user_id>")
@managers_only
def modify(user_id: int) -> Any:
    """Change nickname, phone and e-mail, or reset the password."""
    wanted = ("password",) if "password" in request.form else FIELDS
    body = {name: request.form.get(name, "") for name in wanted}
    try:
        return _modified(user_id, body)
    except InvalidSpec as invalid:
        user = administration().users.get(actor(), user_id)
        values = {name: request.form.get(name, getattr(user, name)) for name in FIELDS}
        return _detail(user, errors_of(invalid), values), 422


@refusals_flashed
def _change(user_id: int, body: dict[str, Any]) -> Any:
    user = administration().users.modify(actor(), user_id, body)
    flash(gettext("%(name)s is saved", name=user.username), "success")
    return redirect(url_for("users.show", user_id=user_id), 303)


def _modified(user_id: int, body: dict[str, Any]) -> Any:
    """As :func:`_change`, but wrong fields are told at the fields."""
    administration().users.check_changes(actor(), user_id, body)
    return _change(user_id, body)


@blueprint.post("/<int:user_id>/active")
@managers_only
def activate(user_id: int) -> Any:
    """Disable or enable an account."""
    return _change(user_id, {"active": request.form.get("active") == "true"})


@blueprint.get("/<int:user_id>/roles")
@managers_only
def roles(user_id: int) -> str:
    """Choose the roles of a user."""
    user = administration().users.get(actor(), user_id)
    return render_template(
        "people/choose.html",
        title=gettext("Roles of %(name)s", name=user.username),
        crumb=(gettext("User"), url_for("users.index")),
        back=url_for("users.show", user_id=user_id),
        kind="roles",
        choices=administration().roles.listed(actor()),
        chosen=user.roles,
    )


@blueprint.get("/<int:user_id>/groups")
@managers_only
def groups(user_id: int) -> str:
    """Choose the groups of a user."""
    user = administration().users.get(actor(), user_id)
    return render_template(
        "people/choose.html",
        title=gettext("Groups of %(name)s", name=user.username),
        crumb=(gettext("User"), url_for("users.index")),
        back=url_for("users.show", user_id=user_id),
        kind="groups",
        choices=administration().groups.listed(actor()),
        chosen=user.groups,
    )


@blueprint.post("/<int:user_id>/<any(roles, groups):kind>")
@managers_only
def choose(user_id: int, kind: str) -> Any:
    """Keep the chosen roles or groups."""
    return _change(user_id, {kind: request.form.getlist("chosen")})


@blueprint.get("/<int:user_id>/delete")
@managers_only
def confirm_delete(user_id: int) -> str:
    """Ask by name."""
    user = administration().users.get(actor(), user_id)
    return render_template(
        "people/confirm.html",
        title=gettext("Delete the user %(name)s", name=user.username),
        text=gettext(
            "The account, its API keys and its memberships are deleted. Jobs that have ended and"
            " files stay. To keep somebody out for a while, disable the account instead."
        ),
        act=gettext("Delete user"),
        back=url_for("users.index"),
    )


@blueprint.post("/<int:user_id>/delete")
@managers_only
@refusals_flashed
def delete(user_id: int) -> Any:
    """Delete a user."""
    user = administration().users.get(actor(), user_id)
    administration().users.delete(actor(), user_id)
    flash(gettext("The user %(name)s is deleted", name=user.username), "success")
    return redirect(url_for("users.index"), 303)
