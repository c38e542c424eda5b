"""What an account's roles give: one query for all of it.

Flask-AppBuilder would ask the database 6 to 14 times a request, and once more per group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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

from portal.domain.permission import STORED_PREFIX, STORED_VIEW

PERMISSION_VIEW = STORED_VIEW
"""The one view-menu under which the platform's permissions are kept."""
PREFIX = STORED_PREFIX
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
