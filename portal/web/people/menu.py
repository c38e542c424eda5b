"""What the pages of the USER DASHBOARD share: its menu, what a password needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, g, request, url_for

from portal.domain.permission import Permission
from portal.http.access import allowed, requires
from portal.people.administration import administration, session
from portal.people.counts import Counts, count_people
from portal.web.base.permissions import role_text
from portal.web.base.refusals import error_text
from portal.web.base.words import gettext

managers_only = requires(Permission.MANAGE_USERS)


@dataclass(frozen=True, slots=True)
class PeopleEntry:
    """One line of the dashboard's menu; ``count`` is ``None`` where nothing is counted."""

    label: str
    href: str
    icon: str
    current: bool
    count: int | None = None


def counts() -> Counts:
    """Users, groups and roles, asked once a request."""
    if "people_counts" not in g:
        g.people_counts = count_people(session())
    return cast(Counts, g.people_counts)


def menu() -> list[PeopleEntry]:
    """The menu; whoever is no administrator has only their own account."""
    if not allowed(Permission.MANAGE_USERS):
        return [_entry(gettext("Account info"), "account.index", "user")]
    found = counts()
    return [
        _entry(gettext("Dashboard"), "dashboard.index", "layout-dashboard"),
        _entry(gettext("User"), "users.index", "user", found.users),
        _entry(gettext("Group"), "groups.index", "users", found.groups),
        _entry(gettext("Role"), "roles.index", "shield", found.roles),
        _entry(gettext("Audit log"), "audit.index", "scroll-text"),
    ]


PART_OF = {"user_wizard": "users", "account": "users"}
"""Pages below an entry of the menu; whoever administers no users has no such entry."""


def _entry(label: str, endpoint: str, icon: str, count: int | None = None) -> PeopleEntry:
    part = endpoint.partition(".")[0]
    current = part in (request.blueprint, PART_OF.get(request.blueprint or ""))
    return PeopleEntry(label, url_for(endpoint), icon, current, count)


def password_hint() -> str:
    """What a new password needs, in the reader's language."""
    return error_text(administration().policy.hint)


def install(app: Flask) -> None:
    """Add the template functions."""
    app.jinja_env.globals.update(password_hint=password_hint, people_menu=menu, role_text=role_text)
