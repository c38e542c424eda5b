"""Who holds which role and is in which group: the joining tables, written in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import (
    Group,
    Role,
    User,
    assoc_group_role,
    assoc_user_group,
    assoc_user_role,
)
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from portal.domain.errors import FieldError, InvalidSpec
from portal.people.grants import HIDDEN_ROLES
from portal.people.groups_and_roles import RoleFacts, roles

CHUNK = 500
"""Ids in one statement; SQLite takes at most 32,766 parameters."""


def roles_named(session: Session, names: Sequence[str], field: str = "roles") -> list[RoleFacts]:
    """The roles of these names; ``InvalidSpec`` names those that do not exist."""
    known = {role.name: role for role in roles(session)}
    check_known(names, known, field)
    return [known[name] for name in names]


def group_ids(session: Session, names: Sequence[str], field: str = "groups") -> dict[str, int]:
    """The ids of groups by name."""
    rows = session.execute(select(Group.name, Group.id))
    found: dict[str, int] = {row[0]: row[1] for row in rows}
    check_known(names, found, field)
    return {name: found[name] for name in names}


def user_ids(session: Session, names: Sequence[str], field: str = "users") -> dict[str, int]:
    """The ids of users by username."""
    found: dict[str, int] = {}
    for begin in range(0, len(names), CHUNK):
        some = names[begin : begin + CHUNK]
        query = select(User.username, User.id).where(User.username.in_(some))
        found.update({row[0]: row[1] for row in session.execute(query)})
    check_known(names, found, field)
    return found


def check_known(names: Iterable[str], known: Any, field: str) -> None:
    """``InvalidSpec`` at ``field`` naming those that are not among ``known``."""
    missing = [name for name in names if name not in known]
    if missing:
        listed = ", ".join(name[:64] for name in missing[:5])
        raise InvalidSpec.of([(field, FieldError("Not found: %(names)s", {"names": listed}))])


def set_roles(session: Session, user_id: int, wanted: Iterable[int]) -> None:
    """Give a user exactly these roles; the hidden ones he has stay."""
    hidden = select(Role.id).where(Role.name.in_(HIDDEN_ROLES))
    table = assoc_user_role
    session.execute(delete(table).where(table.c.user_id == user_id, table.c.role_id.not_in(hidden)))
    _insert(session, table, "user_id", [user_id], "role_id", wanted)


def set_groups(session: Session, user_id: int, wanted: Iterable[int]) -> None:
    """Put a user into exactly these groups."""
    session.execute(delete(assoc_user_group).where(assoc_user_group.c.user_id == user_id))
    _insert(session, assoc_user_group, "user_id", [user_id], "group_id", wanted)


def set_group_roles(session: Session, group_id: int, wanted: Iterable[int]) -> None:
    """Give a group exactly these roles."""
    session.execute(delete(assoc_group_role).where(assoc_group_role.c.group_id == group_id))
    _insert(session, assoc_group_role, "group_id", [group_id], "role_id", wanted)


def change_members(session: Session, group_id: int, add: set[int], drop: set[int]) -> None:
    """Put users into a group and take others out."""
    _change(session, assoc_user_group, ("group_id", group_id), "user_id", add, drop)


def change_holders(session: Session, role_id: int, add: set[int], drop: set[int]) -> None:
    """Give a role to users and take it from others."""
    _change(session, assoc_user_role, ("role_id", role_id), "user_id", add, drop)


def change_role_groups(session: Session, role_id: int, add: set[int], drop: set[int]) -> None:
    """Give a role to groups and take it from others."""
    _change(session, assoc_group_role, ("role_id", role_id), "group_id", add, drop)


def _change(
    session: Session,
    table: Any,
    one: tuple[str, int],
    many: str,
    add: set[int],
    drop: set[int],
) -> None:
    ids = sorted(add | drop)
    for begin in range(0, len(ids), CHUNK):
        some = ids[begin : begin + CHUNK]
        session.execute(delete(table).where(table.c[one[0]] == one[1], table.c[many].in_(some)))
    _insert(session, table, one[0], [one[1]], many, add)


def _insert(
    session: Session, table: Any, left: str, lefts: Iterable[int], right: str, rights: Iterable[int]
) -> None:
    rows = [{left: one, right: other} for one in lefts for other in sorted(set(rights))]
    if rows:
        session.execute(insert(table), rows)
