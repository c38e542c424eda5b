"""Reading groups and roles: short lists, each with its members counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flask_appbuilder.security.sqla.models import (
    Group,
    PermissionView,
    Role,
    User,
    ViewMenu,
    assoc_group_role,
    assoc_permissionview_role,
    assoc_user_group,
)
from flask_appbuilder.security.sqla.models import (
    Permission as PermissionRow,
)
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.permission import PRESET_ROLES, Permission
from portal.people.directory import all_roles_of_users, aware, gather
from portal.people.grants import HIDDEN_ROLES, PERMISSION_VIEW, PREFIX

ADMIN_ROLE = next(iter(PRESET_ROLES))
PRESET_TEXTS = {
    ADMIN_ROLE: "Runs the platform",
    "User": "Submits and watches training jobs",
}
"""Descriptions of the preset roles; the pages translate them."""


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role; ``users`` counts holders, direct and through groups."""

    id: int
    name: str
    description: str
    permissions: frozenset[str]
    users: int = 0

    @property
    def preset(self) -> bool:
        """Whether every portal has it and nobody may change it."""
        return self.name in PRESET_ROLES

    @property
    def codes(self) -> list[str]:
        """The permissions, the platform's first and in its order, then plugins'."""
        ours = [code.value for code in Permission if code in self.permissions]
        return ours + sorted(self.permissions.difference(ours))

    def facts(self) -> dict[str, Any]:
        """What the audit log keeps."""
        return {"name": self.name, "description": self.description, "permissions": self.codes}


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group; ``users`` counts its members."""

    id: int
    name: str
    description: str
    created_at: datetime | None
    roles: tuple[str, ...] = ()
    users: int = 0
    usernames: tuple[str, ...] = field(default=(), repr=False)

    def facts(self) -> dict[str, Any]:
        """What the audit log keeps."""
        return {"name": self.name, "description": self.description, "roles": list(self.roles)}


def roles(session: Session, *, only: int | None = None) -> list[RoleFacts]:
    """All roles (or one), presets first; their holders are not counted."""
    query = select(Role.id, Role.name, Role.description).where(Role.name.not_in(HIDDEN_ROLES))
    if only is not None:
        query = query.where(Role.id == only)
    codes = _codes(session, only)
    found = [
        RoleFacts(
            id=row.id,
            name=row.name,
            description=row.description or PRESET_TEXTS.get(row.name, ""),
            permissions=frozenset(codes[row.id]),
        )
        for row in session.execute(query)
    ]
    presets = list(PRESET_ROLES)
    return sorted(
        found,
        key=lambda role: (presets.index(role.name) if role.preset else len(presets), role.name),
    )


def counted(session: Session, some: Sequence[RoleFacts]) -> list[RoleFacts]:
    """The roles with their holders, direct and through groups, counted."""
    pairs = all_roles_of_users([one.id for one in some])
    query = select(pairs.c.role_id, func.count()).group_by(pairs.c.role_id)
    holders: dict[int, int] = {row[0]: row[1] for row in session.execute(query)}
    return [replace(one, users=holders.get(one.id, 0)) for one in some]


def known_codes(session: Session) -> list[str]:
    """Every permission there is: the platform's seven, then plugins'."""
    ours = [code.value for code in Permission]
    names = session.scalars(platform_permissions(PermissionRow.name))
    return ours + sorted({name.removeprefix(PREFIX) for name in names}.difference(ours))


def platform_permissions(*columns: Any) -> Any:
    """A query of the platform's permissions, and of plugins'."""
    return (
        select(*columns)
        .select_from(PermissionView)
        .join(PermissionRow, PermissionRow.id == PermissionView.permission_id)
        .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
        .where(ViewMenu.name == PERMISSION_VIEW)
    )


def _codes(session: Session, only: int | None) -> dict[int, list[str]]:
    """The permissions of all roles (or one) by role."""
    held = assoc_permissionview_role.c
    query = platform_permissions(held.role_id, PermissionRow.name).join(
        assoc_permissionview_role, held.permission_view_id == PermissionView.id
    )
    if only is not None:
        query = query.where(held.role_id == only)
    return gather((role, name.removeprefix(PREFIX)) for role, name in session.execute(query))


def groups(session: Session, *, only: int | None = None) -> list[GroupFacts]:
    """All groups by name (or one), with their members counted but not named."""
    query = select(Group.id, Group.name, Group.description, Group.created_on).order_by(Group.name)
    members = select(assoc_user_group.c.group_id, func.count())
    if only is not None:
        query = query.where(Group.id == only)
        members = members.where(assoc_user_group.c.group_id == only)
    members = members.group_by(assoc_user_group.c.group_id)
    counts: dict[int, int] = {row[0]: row[1] for row in session.execute(members)}
    given = (
        select(assoc_group_role.c.group_id, Role.name)
        .join(Role, Role.id == assoc_group_role.c.role_id)
        .where(Role.name.not_in(HIDDEN_ROLES))
        .order_by(Role.name)
    )
    names = gather(session.execute(given))
    return [
        GroupFacts(
            id=row.id,
            name=row.name,
            description=row.description or "",
            created_at=aware(row.created_on),
            roles=tuple(names[row.id]),
            users=counts.get(row.id, 0),
        )
        for row in session.execute(query)
    ]


def with_members(session: Session, some: Sequence[GroupFacts]) -> list[GroupFacts]:
    """The groups with their members' names."""
    query = (
        select(assoc_user_group.c.group_id, User.username)
        .join(User, User.id == assoc_user_group.c.user_id)
        .where(assoc_user_group.c.group_id.in_([one.id for one in some]))
        .order_by(User.username)
    )
    members = gather(session.execute(query))
    return [replace(one, usernames=tuple(members[one.id])) for one in some]


def codes_of(found: Iterable[RoleFacts]) -> frozenset[str]:
    """What some roles give together."""
    return frozenset().union(*(one.permissions for one in found))
