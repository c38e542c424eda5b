"""What the pages of the USER DASHBOARD share: its menu, refusals in words, actions in words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import Flask, flash, g, redirect, request, url_for
from flask_appbuilder.security.sqla.models import Group, Role, User
from sqlalchemy import func, select

from portal.domain.errors import AoliError, Conflict, FieldError, Forbidden, InvalidSpec
from portal.domain.permission import Permission
from portal.http.access import allowed, requires
from portal.http.redirects import next_or_home
from portal.people.administration import administration, session
from portal.people.grants import HIDDEN_ROLES
from portal.people.groups_and_roles import GroupFacts, RoleFacts
from portal.web.base.failures import error_words
from portal.web.base.permissions import role_text
from portal.web.base.words import gettext

View = TypeVar("View", bound=Callable[..., Any])
Item = TypeVar("Item", GroupFacts, RoleFacts)
managers_only = requires(Permission.MANAGE_USERS)


@dataclass(frozen=True, slots=True)
class PeopleEntry:
    """One line of the dashboard's menu; ``count`` is ``None`` where nothing is counted."""

    label: str
    href: str
    icon: str
    current: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are."""

    users: int
    groups: int
    roles: int


def counts() -> Counts:
    """Users, groups and roles, asked once a request."""
    if "people_counts" not in g:
        wanted = (
            select(func.count()).select_from(User).scalar_subquery(),
            select(func.count()).select_from(Group).scalar_subquery(),
            select(func.count()).where(Role.name.not_in(HIDDEN_ROLES)).scalar_subquery(),
        )
        g.people_counts = Counts(*session().execute(select(*wanted)).one())
    return cast(Counts, g.people_counts)


def menu() -> list[PeopleEntry]:
    """The menu; whoever is no administrator has only his own account."""
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


def matching(items: Iterable[Item], wanted: str) -> list[Item]:
    """Groups or roles with a word in their name or description, whatever the capitals."""
    word = wanted.lower()
    return [one for one in items if word in one.name.lower() or word in one.description.lower()]


def refusal(error: AoliError) -> str:
    """Why something was refused, in the reader's language."""
    words = getattr(error, "words", None)
    if isinstance(words, FieldError):
        return gettext(words.template, **words.params)
    if isinstance(error, InvalidSpec):
        first = next(iter(error.errors.values()))[0]
        return gettext(first.template, **first.params)
    return error_words(error.code, error.message)


def refusals_flashed(view: View) -> View:
    """A refused act leads back to the page it came from, which says why."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except (Conflict, Forbidden, InvalidSpec) as error:
            flash(refusal(error), "danger")
            return redirect(next_or_home(), 303)

    return cast(View, guarded)


def password_hint() -> str:
    """What a new password needs, in the reader's language."""
    hint = administration().policy.hint
    return gettext(hint.template, **hint.params)


def install(app: Flask) -> None:
    """Add the template functions."""
    app.jinja_env.globals.update(password_hint=password_hint, people_menu=menu, role_text=role_text)
