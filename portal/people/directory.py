"""Reading users: lists with search and pages, one user; a handful of queries whatever their number.

Flask-AppBuilder's own roles are left out everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_appbuilder.security.sqla.models import (
    Group,
    Role,
    User,
    assoc_group_role,
    assoc_user_group,
    assoc_user_role,
)
from sqlalchemy import and_, func, or_, select, union
from sqlalchemy.orm import Session

import portal.people.columns  # noqa: F401  (adds columns to User)
from portal.domain.errors import NotFound
from portal.people.account_fields import shown_email
from portal.people.grants import HIDDEN_ROLES
from portal.people.identities import Identity
from portal.people.passwords import NONE

SORTS: Mapping[str, Any] = {
    "username": User.username,
    "nickname": User.nickname,
    "created": User.id,
    "seen": User.last_login,
}
NO_ROLE = "-"
"""As a role filter: those without any."""
PASSWORD = "account"  # noqa: S105  (the name of a way in)


@dataclass(frozen=True, slots=True)
class UserQuery:
    """What is looked for; ``q`` is part of a name, phone or e-mail."""

    q: str = ""
    role: str = ""
    group: str = ""
    method: str = ""
    sort: str = "username"
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """A user as administrators and the API see him; ``group_roles`` come through groups."""

    id: int
    username: str
    nickname: str
    phone: str
    email: str
    active: bool
    created_at: datetime | None
    last_seen: datetime | None
    roles: tuple[str, ...] = ()
    group_roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """What the audit log keeps."""
        return {
            "nickname": self.nickname,
            "phone": self.phone,
            "email": self.email,
            "active": self.active,
            "roles": list(self.roles),
            "groups": list(self.groups),
        }

    def dump(self) -> dict[str, Any]:
        """By the names of the API."""
        return {
            "id": self.id,
            "username": self.username,
            **self.facts(),
            "group_roles": list(self.group_roles),
            "created_at": stamp(self.created_at),
            "last_seen": stamp(self.last_seen),
        }


def stamp(at: datetime | None) -> str | None:
    """RFC 3339, UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def aware(at: datetime | None) -> datetime | None:
    """Flask-AppBuilder's times have no zone: they are the server's, which is UTC."""
    return at.replace(tzinfo=UTC) if at else None


def all_roles_of_users(roles: Sequence[int] | None = None) -> Any:
    """Rows of (user, role), direct and through groups; of some roles alone if they are given."""
    direct = select(assoc_user_role.c.user_id, assoc_user_role.c.role_id)
    through = select(assoc_user_group.c.user_id, assoc_group_role.c.role_id).join(
        assoc_group_role, assoc_group_role.c.group_id == assoc_user_group.c.group_id
    )
    if roles is not None:
        direct = direct.where(assoc_user_role.c.role_id.in_(roles))
        through = through.where(assoc_group_role.c.role_id.in_(roles))
    return union(direct, through).subquery()


def find(session: Session, query: UserQuery) -> tuple[list[Account], int]:
    """A page of users, and how many there are in all."""
    conditions = _conditions(query)
    total = session.scalar(select(func.count()).select_from(User).where(*conditions)) or 0
    column = SORTS.get(query.sort.removeprefix("-"), User.username)
    order = column.desc() if query.sort.startswith("-") else column.asc()
    ids = session.scalars(
        select(User.id)
        .where(*conditions)
        .order_by(order, User.id)
        .offset(query.offset)
        .limit(query.limit)
    ).all()
    return accounts(session, ids), total


def _conditions(query: UserQuery) -> list[Any]:
    found: list[Any] = []
    if query.q:
        columns = (User.username, User.nickname, User.phone, User.email)
        found.append(or_(*(column.icontains(query.q, autoescape=True) for column in columns)))
    if query.role == NO_ROLE:
        found.append(~_holds(Role.name.not_in(HIDDEN_ROLES)))
    elif query.role:
        found.append(_holds(Role.name == query.role))
    if query.group:
        members = (
            select(assoc_user_group.c.user_id)
            .join(Group, Group.id == assoc_user_group.c.group_id)
            .where(Group.name == query.group)
        )
        found.append(User.id.in_(members))
    if query.method == PASSWORD:
        found.append(and_(User.password.is_not(None), User.password != NONE))
    elif query.method:
        found.append(User.id.in_(select(Identity.user_id).where(Identity.provider == query.method)))
    return found


def _holds(condition: Any) -> Any:
    """Whether a user has such a role; asked user by user, as the page's end may come soon."""
    direct = (
        select(assoc_user_role.c.role_id)
        .join(Role, Role.id == assoc_user_role.c.role_id)
        .where(assoc_user_role.c.user_id == User.id, condition)
    )
    through = (
        select(assoc_group_role.c.role_id)
        .join(assoc_user_group, assoc_user_group.c.group_id == assoc_group_role.c.group_id)
        .join(Role, Role.id == assoc_group_role.c.role_id)
        .where(assoc_user_group.c.user_id == User.id, condition)
    )
    return or_(direct.exists(), through.exists())


def accounts(session: Session, ids: Sequence[int]) -> list[Account]:
    """Some users, in the order of ``ids``."""
    columns = (
        *(User.id, User.username, User.nickname, User.phone, User.email, User.active),
        *(User.created_on, User.last_login, User.password),
    )
    rows = {row.id: row for row in session.execute(select(*columns).where(User.id.in_(ids)))}
    roles, groups = _roles(session, ids), _groups(session, ids)
    through, bound = _group_roles(session, ids), _providers(session, ids)
    return [
        Account(
            id=row.id,
            username=row.username,
            nickname=row.nickname or row.username,
            phone=row.phone or "",
            email=shown_email(row.email),
            active=bool(row.active),
            created_at=aware(row.created_on),
            last_seen=aware(row.last_login),
            roles=tuple(roles[row.id]),
            group_roles=tuple(name for name in through[row.id] if name not in roles[row.id]),
            groups=tuple(groups[row.id]),
            methods=(*((PASSWORD,) if row.password not in (None, NONE) else ()), *bound[row.id]),
        )
        for row in (rows[one] for one in ids if one in rows)
    ]


def account(session: Session, user_id: int) -> Account:
    """One user; raises ``NotFound``."""
    for found in accounts(session, [user_id]):
        return found
    raise NotFound("There is no such user")


def _gather(rows: Iterable[Any]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for user_id, name in rows:
        found[user_id].append(name)
    return found


def _roles(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(assoc_user_role.c.user_id, Role.name)
        .join(Role, Role.id == assoc_user_role.c.role_id)
        .where(assoc_user_role.c.user_id.in_(ids), Role.name.not_in(HIDDEN_ROLES))
        .order_by(Role.name)
    )
    return _gather(session.execute(query))


def _group_roles(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(assoc_user_group.c.user_id, Role.name)
        .join(assoc_group_role, assoc_group_role.c.group_id == assoc_user_group.c.group_id)
        .join(Role, Role.id == assoc_group_role.c.role_id)
        .where(assoc_user_group.c.user_id.in_(ids), Role.name.not_in(HIDDEN_ROLES))
        .distinct()
        .order_by(Role.name)
    )
    return _gather(session.execute(query))


def _groups(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(assoc_user_group.c.user_id, Group.name)
        .join(Group, Group.id == assoc_user_group.c.group_id)
        .where(assoc_user_group.c.user_id.in_(ids))
        .order_by(Group.name)
    )
    return _gather(session.execute(query))


def _providers(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    query = select(Identity.user_id, Identity.provider).where(Identity.user_id.in_(ids))
    return _gather(session.execute(query.order_by(Identity.provider)))
