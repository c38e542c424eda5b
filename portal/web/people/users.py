"""Users: the list, one user, and what is done to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from portal.domain.errors import Forbidden, InvalidSpec
from portal.domain.permission import Permission
from portal.http.access import actor, allowed
from portal.http.services import services
from portal.people.administration import administration
from portal.people.directory import NO_ROLE, PASSWORD, SORTS, Account
from portal.people.groups_and_roles import ADMIN_ROLE
from portal.people.identities import PROVIDERS
from portal.services.jobs.of_owner import kill_open, open_jobs
from portal.services.records import audit
from portal.services.records.audit import AuditQuery
from portal.web.base.refusals import errors_of, refusals_flashed
from portal.web.base.words import clauses, gettext, ngettext
from portal.web.people.audit_words import sentence
from portal.web.people.deletion import Words, add_deletion
from portal.web.people.listing import Listing
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
    service = administration()
    listing = Listing.read(url_for("users.index"), service.users.find, FILTERS, tuple(SORTS))
    chosen = listing.address.filters
    roles = _some(service.roles.names(actor()), chosen["role"])
    return render_template(
        "people/users.html",
        listing=listing,
        me=actor().user_id,
        admin_role=ADMIN_ROLE,
        method_word=method_word,
        choices={
            "role": [(NO_ROLE, gettext("no role")), *roles],
            "group": _some(service.groups.names(actor()), chosen["group"]),
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
        **_open_jobs(user),
        method_word=method_word,
        changes=[(entry, sentence(entry)) for entry in entries],
    )


@blueprint.post("/<int:user_id>")
@managers_only
@refusals_flashed
def modify(user_id: int) -> Any:
    """Change nickname, phone and e-mail, or reset the password; wrong fields are told there."""
    wanted = ("password",) if "password" in request.form else FIELDS
    try:
        return _change(user_id, {name: request.form.get(name, "") for name in wanted})
    except InvalidSpec as invalid:
        user = administration().users.get(actor(), user_id)
        values = {name: request.form.get(name, getattr(user, name)) for name in FIELDS}
        return _detail(user, errors_of(invalid), values), 422


def _change(user_id: int, body: dict[str, Any]) -> Any:
    administration().users.modify(actor(), user_id, body)
    return _saved(user_id)


def _saved(user_id: int) -> Any:
    user = administration().users.get(actor(), user_id)
    flash(gettext("%(name)s is saved", name=user.username), "success")
    return redirect(url_for("users.show", user_id=user_id), 303)


@blueprint.post("/<int:user_id>/active")
@managers_only
@refusals_flashed
def activate(user_id: int) -> Any:
    """Disable or enable an account; with ``kill`` its jobs are killed once it is disabled."""
    active = request.form.get("active") == "true"
    return _activate(user_id, active, kill=not active and "kill" in request.form)


@refusals_flashed
def _activate(user_id: int, active: bool, *, kill: bool) -> Any:
    administration().users.modify(actor(), user_id, {"active": active})
    return _kill_jobs(user_id) if kill else _saved(user_id)


@blueprint.get("/<int:user_id>/disable")
@managers_only
def confirm_disable(user_id: int) -> str:
    """Say what becomes of the account's jobs, and offer to kill them."""
    user = administration().users.get(actor(), user_id)
    back = url_for("users.show", user_id=user_id)
    return render_template("people/disable.html", user=user, back=back, **_open_jobs(user))


@blueprint.post("/<int:user_id>/jobs/kill")
@managers_only
@refusals_flashed
def kill_jobs(user_id: int) -> Any:
    """Kill the jobs of a user, so many at a time."""
    administration().users.get(actor(), user_id)
    return _kill_jobs(user_id)


def _kill_jobs(user_id: int) -> Any:
    if not allowed(Permission.MANAGE_ALL_JOBS):
        raise Forbidden("Killing jobs of others needs the permission Manage all users' jobs")
    killed = kill_open(services().jobs.act_on_many, actor(), user_id)
    title = ngettext("%(num)s job is being killed", "%(num)s jobs are being killed", killed)
    flash(title, "success")
    return redirect(url_for("users.show", user_id=user_id), 303)


def _open_jobs(user: Account) -> dict[str, Any]:
    """What the pages say of the jobs of an account that have not ended."""
    jobs = open_jobs(user.id)
    said = []
    if jobs.running:
        said.append(gettext("%(n)s running", n=jobs.running))
    if jobs.waiting:
        said.append(gettext("%(n)s waiting", n=jobs.waiting))
    if jobs.paused:
        said.append(gettext("%(n)s paused", n=jobs.paused))
    return {
        "jobs": jobs,
        "said": gettext("Its jobs: %(jobs)s.", jobs=clauses(said)) if said else "",
        "may_kill": allowed(Permission.MANAGE_ALL_JOBS),
    }


@blueprint.get("/<int:user_id>/roles")
@managers_only
def roles(user_id: int) -> str:
    """Choose the roles of a user."""
    return _offer(user_id, "roles")


@blueprint.get("/<int:user_id>/groups")
@managers_only
def groups(user_id: int) -> str:
    """Choose the groups of a user."""
    return _offer(user_id, "groups")


def _offer(user_id: int, kind: str) -> str:
    user = administration().users.get(actor(), user_id)
    titles = {
        "roles": gettext("Roles of %(name)s", name=user.username),
        "groups": gettext("Groups of %(name)s", name=user.username),
    }
    return render_template(
        "people/choose.html",
        title=titles[kind],
        kind=kind,
        choices=getattr(administration(), kind).listed(actor()),
        chosen=getattr(user, kind),
        crumb=(gettext("User"), url_for("users.index")),
        back=url_for("users.show", user_id=user_id),
    )


@blueprint.post("/<int:user_id>/<any(roles, groups):kind>")
@managers_only
@refusals_flashed
def choose(user_id: int, kind: str) -> Any:
    """Keep the chosen roles or groups."""
    return _change(user_id, {kind: request.form.getlist("chosen")})


def _about_to_delete(user: Account) -> Words:
    return {
        "title": gettext("Delete the user %(name)s", name=user.username),
        "text": gettext(
            "The account, its API keys and its memberships are deleted. Jobs that have ended and"
            " files stay. To keep somebody out for a while, disable the account instead."
        ),
        "act": gettext("Delete user"),
        "done": gettext("The user %(name)s is deleted", name=user.username),
    }


add_deletion(blueprint, "user", lambda: administration().users, _about_to_delete)
