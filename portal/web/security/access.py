"""Who is asking and what they may do: one query a request, kept in ``g``.

Flask-AppBuilder would ask the database 6 to 14 times a request, and once more per group.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app, g, has_request_context, redirect, request, url_for
from flask_appbuilder.security.sqla.models import (
    Group,
    PermissionView,
    Role,
    ViewMenu,
    assoc_group_role,
    assoc_permissionview_role,
    assoc_user_group,
    assoc_user_role,
)
from flask_appbuilder.security.sqla.models import (
    Permission as PermissionRow,
)
from sqlalchemy import Select, literal, null, select, union, union_all
from sqlalchemy.orm import Session

from portal.domain.permission import Actor, Permission

View = TypeVar("View", bound=Callable[..., Any])

PERMISSION_VIEW = "PlatformPermission"
"""The one view-menu under which the platform's permissions are kept."""
PREFIX = "can_"
HIDDEN_ROLES = frozenset({"Admin", "Public"})
"""Flask-AppBuilder's own roles; they never show."""


@dataclass(frozen=True, slots=True)
class Grants:
    """What one user's roles (their own and their groups') give."""

    roles: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    """(permission, view) as Flask-AppBuilder names them."""

    @property
    def codes(self) -> frozenset[str]:
        """The platform's permissions, as the API names them."""
        return frozenset(
            name.removeprefix(PREFIX) for name, view in self.pairs if view == PERMISSION_VIEW
        )


def load_grants(session: Session, user_id: int) -> Grants:
    """The groups of a user and the roles, direct and through groups, with what they give."""
    rows = session.execute(_grants_query(user_id)).all()
    return Grants(
        roles=tuple(sorted({row[1] for row in rows if row[0] == "role"} - HIDDEN_ROLES)),
        groups=frozenset(row[1] for row in rows if row[0] == "group"),
        pairs=frozenset((row[2], row[3]) for row in rows if row[2] is not None),
    )


def _grants_query(user_id: int) -> Any:
    """Rows of (``role``, role, permission, view) and (``group``, group, NULL, NULL)."""
    roles: Select[Any] = (
        select(literal("role"), Role.name, PermissionRow.name, ViewMenu.name)
        .select_from(Role)
        .outerjoin(assoc_permissionview_role, assoc_permissionview_role.c.role_id == Role.id)
        .outerjoin(
            PermissionView, PermissionView.id == assoc_permissionview_role.c.permission_view_id
        )
        .outerjoin(PermissionRow, PermissionRow.id == PermissionView.permission_id)
        .outerjoin(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
        .where(Role.id.in_(_role_ids(user_id)))
    )
    groups: Select[Any] = (
        select(literal("group"), Group.name, null(), null())
        .join(assoc_user_group, assoc_user_group.c.group_id == Group.id)
        .where(assoc_user_group.c.user_id == user_id)
    )
    return union_all(roles, groups)


def _role_ids(user_id: int) -> Any:
    return union(
        select(assoc_user_role.c.role_id).where(assoc_user_role.c.user_id == user_id),
        select(assoc_group_role.c.role_id)
        .join(assoc_user_group, assoc_user_group.c.group_id == assoc_group_role.c.group_id)
        .where(assoc_user_group.c.user_id == user_id),
    )


def signed_in() -> bool:
    """Whether somebody is signed in."""
    user = getattr(g, "user", None)
    return user is not None and bool(user.is_authenticated)


def grants() -> Grants:
    """What the one who asks may do."""
    if not signed_in():
        return Grants()
    if "grants" not in g:
        g.grants = load_grants(current_app.appbuilder.session, g.user.id)  # type: ignore[attr-defined]
    return cast(Grants, g.grants)


def actor() -> Actor:
    """The one who asks, as the services know him; only for those who are signed in."""
    if "actor" not in g:
        given = grants()
        g.actor = Actor(
            user_id=g.user.id,
            username=g.user.username,
            permissions=given.codes,
            groups=given.groups,
            nickname=g.user.nickname or "",
            roles=given.roles,
            address=(request.remote_addr or "") if has_request_context() else "",
        )
    return cast(Actor, g.actor)


def recheck(look: Callable[[Any], Any] | None = None) -> Callable[[], Actor | None]:
    """A question to ask again later, outside the request: who is this reader now?

    ``None`` when the account was disabled, its sessions were ended, or its roles give nothing
    any more. ``look`` finds the user by the security manager, for whoever did not come with a
    session.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    session_id = str(g.user.get_id())

    def ask() -> Actor | None:
        with app.app_context():
            manager: Any = app.appbuilder.sm  # type: ignore[attr-defined]
            g.user = look(manager) if look is not None else manager.load_user(session_id)
            found = actor() if g.user is not None else None
            return found if found is not None and found.anything else None

    return ask


def allowed(permission: Permission) -> bool:
    """Whether somebody is signed in who has a platform permission."""
    return signed_in() and actor().may(permission)


def sign_in_required(view: View) -> View:
    """Send whoever is not signed in to the sign-in page."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if signed_in() else _to_sign_in()

    return cast(View, guarded)


def requires(*permissions: Permission) -> Callable[[View], View]:
    """Let in whoever has one of the permissions; without arguments, any permission at all.

    Others see the not-authorized page.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not signed_in():
                return _to_sign_in()
            wanted = permissions or tuple(Permission)
            if not any(allowed(permission) for permission in wanted):
                g.needed_permission = permissions[0] if permissions else ""
                abort(403)
            return view(*args, **kwargs)

        return cast(View, guarded)

    return decorate


def _to_sign_in() -> Any:
    if request.headers.get("X-Requested-With"):
        abort(401)
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("SignInView.login", next=target))
