"""Who is asking and what they may do: one query a request, kept in ``g``.

Flask-AppBuilder would ask the database 6 to 14 times a request, and once more per group.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import abort, g, redirect, request, url_for
from flask_appbuilder import Model
from flask_appbuilder.security.sqla.models import (
    Permission,
    PermissionView,
    Role,
    ViewMenu,
    assoc_permissionview_role,
    assoc_user_role,
)
from sqlalchemy import select, union
from sqlalchemy.orm import Session

View = TypeVar("View", bound=Callable[..., Any])

PERMISSION_VIEW = "PlatformPermission"
"""The one view-menu under which the platform's permissions are kept."""
PREFIX = "can_"
HIDDEN_ROLES = frozenset({"Admin", "Public"})
"""Flask-AppBuilder's own roles; they never show."""

_group_role = Model.metadata.tables["ab_group_role"]
_user_group = Model.metadata.tables["ab_user_group"]


@dataclass(frozen=True, slots=True)
class Grants:
    """What one user's roles (their own and their groups') give."""

    roles: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]
    """(permission, view) as Flask-AppBuilder names them."""

    @property
    def codes(self) -> frozenset[str]:
        """The platform's permissions, as the API names them."""
        return frozenset(
            name.removeprefix(PREFIX) for name, view in self.pairs if view == PERMISSION_VIEW
        )


NOTHING = Grants((), frozenset())


def load_grants(session: Session, user_id: int) -> Grants:
    """The roles of a user, direct and through groups, with their permissions: one query."""
    role_ids = union(
        select(assoc_user_role.c.role_id).where(assoc_user_role.c.user_id == user_id),
        select(_group_role.c.role_id)
        .join(_user_group, _user_group.c.group_id == _group_role.c.group_id)
        .where(_user_group.c.user_id == user_id),
    )
    rows = session.execute(
        select(Role.name, Permission.name, ViewMenu.name)
        .select_from(Role)
        .outerjoin(assoc_permissionview_role, assoc_permissionview_role.c.role_id == Role.id)
        .outerjoin(PermissionView, PermissionView.id == assoc_permissionview_role.c.permission_view_id)
        .outerjoin(Permission, Permission.id == PermissionView.permission_id)
        .outerjoin(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
        .where(Role.id.in_(role_ids))
    ).all()
    return Grants(
        tuple(sorted({row[0] for row in rows} - HIDDEN_ROLES)),
        frozenset((row[1], row[2]) for row in rows if row[1] is not None),
    )


def signed_in() -> bool:
    """Whether somebody is signed in."""
    user = getattr(g, "user", None)
    return user is not None and bool(user.is_authenticated)


def grants() -> Grants:
    """What the one who asks may do."""
    if not signed_in():
        return NOTHING
    if "grants" not in g:
        from flask import current_app

        g.grants = load_grants(current_app.appbuilder.session, g.user.id)  # type: ignore[attr-defined]
    return cast(Grants, g.grants)


def allowed(code: str) -> bool:
    """Whether the one who asks has a platform permission."""
    return code in grants().codes


def sign_in_required(view: View) -> View:
    """Send whoever is not signed in to the sign-in page."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if signed_in() else _to_sign_in()

    return cast(View, guarded)


def requires(*codes: str) -> Callable[[View], View]:
    """Let in whoever has one of the permissions; others see the not-authorized page."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not signed_in():
                return _to_sign_in()
            if not any(allowed(code) for code in codes):
                g.needed_permission = codes[0]
                abort(403)
            return view(*args, **kwargs)

        guarded.needs = codes  # type: ignore[attr-defined]
        return cast(View, guarded)

    return decorate


def _to_sign_in() -> Any:
    if request.headers.get("HX-Request"):
        abort(401)
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("SignInView.login", next=target))
