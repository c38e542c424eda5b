"""Reading users: lists with search and pages, one user; a handful of queries whatever their number.

Flask-AppBuilder's own roles are left out everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_appbuilder.models.filters import BaseFilter
from flask_appbuilder.security.sqla.models import (
    Group,
    Role,
    User,
    assoc_group_role,
    assoc_user_group,
    assoc_user_role,
)
from sqlalchemy import literal, or_, select, union
from sqlalchemy.orm import Session

import portal.people.columns  # noqa: F401  (adds columns to User)
from portal.domain.errors import NotFound
from portal.people.account_fields import shown_email
from portal.people.grants import HIDDEN_ROLES
from portal.people.identities import Identity
from portal.people.passwords import NONE
from portal.people.rows import Chosen, Contains, Rows

USERS = Rows(User)
COLUMNS = (
    *(User.id, User.username, User.nickname, User.phone, User.email, User.active),
    *(User.created_on, User.last_login, User.password),
)
SORTS = {"username": "username", "nickname": "nickname", "created": "id", "seen": "last_login"}
"""Orders of the list, and the columns they are made of."""
NO_ROLE = "-"
"""As a role filter: those without any."""
PASSWORD = "account"  # noqa: S105  (the name of a way in)


@dataclass(frozen=True, slots=True)
class PeopleQuery:
    """What is looked for, and which page of it.

    ``q`` is part of a user's name, phone or e-mail, or of the name or description of a group or
    role; the other filters and the order are those of users.
    """

    q: str = ""
    role: str = ""
    group: str = ""
    method: str = ""
    sort: str = "username"
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """A user as administrators and the API see them; ``group_roles`` come through groups."""

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

    @property
    def name(self) -> str:
        """How the audit log calls him."""
        return self.username

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


def aware(at: datetime | None) -> datetime | None:
    """Flask-AppBuilder's times have no zone: they are the server's, which is UTC."""
    return at.replace(tzinfo=UTC) if at else None


def all_roles_of_users(roles: Any) -> Any:
    """Rows of (user, role), direct and through groups; ``roles``: ids, or a query of them."""
    direct, through = assoc_user_role.c, assoc_group_role.c
    own = select(direct.user_id, direct.role_id).where(direct.role_id.in_(roles))
    groups = (
        select(assoc_user_group.c.user_id, through.role_id)
        .join(assoc_group_role, through.group_id == assoc_user_group.c.group_id)
        .where(through.role_id.in_(roles))
    )
    return union(own, groups).subquery()


class HoldsRole(BaseFilter):  # type: ignore[misc]
    """Those with a role, direct or through a group; :data:`NO_ROLE`: those without any."""

    def apply(self, query: Any, value: str) -> Any:
        """The query, narrowed."""
        if value == NO_ROLE:
            return query.filter(~_holds(Role.name.not_in(HIDDEN_ROLES)))
        return query.filter(_holds(Role.name == value))


class IsMember(BaseFilter):  # type: ignore[misc]
    """Those in a group."""

    def apply(self, query: Any, value: str) -> Any:
        """The query, narrowed."""
        members = select(assoc_user_group.c.user_id).join(Group).where(Group.name == value)
        return query.filter(User.id.in_(members))


class SignsInWith(BaseFilter):  # type: ignore[misc]
    """Those with a password (:data:`PASSWORD`), or bound to a provider."""

    def apply(self, query: Any, value: str) -> Any:
        """The query, narrowed."""
        if value == PASSWORD:
            return query.filter(User.password.is_not(None), User.password != NONE)
        return query.filter(User.id.in_(select(Identity.user_id).where(Identity.provider == value)))


def find(query: PeopleQuery) -> tuple[list[Account], int]:
    """A page of users, and how many there are in all."""
    chosen: tuple[Chosen, ...] = (
        ("username nickname phone email", Contains, query.q),
        ("roles", HoldsRole, query.role),
        ("groups", IsMember, query.group),
        ("password", SignsInWith, query.method),
    )
    back = "-" if query.sort.startswith("-") else ""
    sort = back + SORTS.get(query.sort.removeprefix("-"), "username")
    found, total = USERS.page(COLUMNS, chosen, sort, offset=query.offset, limit=query.limit)
    return _accounts(USERS.session, found), total


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
    rows = {row.id: row for row in session.execute(select(*COLUMNS).where(User.id.in_(ids)))}
    return _accounts(session, [rows[one] for one in ids if one in rows])


def account(session: Session, user_id: int) -> Account:
    """One user; raises ``NotFound``."""
    for found in accounts(session, [user_id]):
        return found
    raise NotFound("There is no such user")


def _accounts(session: Session, rows: Sequence[Any]) -> list[Account]:
    names = _names(session, [row.id for row in rows])
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
            roles=(roles := tuple(names[row.id, "role"])),
            group_roles=tuple(name for name in names[row.id, "through"] if name not in roles),
            groups=tuple(names[row.id, "group"]),
            methods=(
                *((PASSWORD,) if row.password not in (None, NONE) else ()),
                *names[row.id, "bound"],
            ),
        )
        for row in rows
    ]


def _names(session: Session, ids: Sequence[int]) -> dict[tuple[int, str], list[str]]:
    """Roles, roles through groups, groups and providers of some users: one query."""
    roles, groups, through = assoc_user_role.c, assoc_user_group.c, assoc_group_role.c
    shown = Role.name.not_in(HIDDEN_ROLES)
    parts: tuple[Any, ...] = (
        select(roles.user_id, literal("role"), Role.name.label("name")).join(Role).where(shown),
        select(groups.user_id, literal("through"), Role.name)
        .join(assoc_group_role, through.group_id == groups.group_id)
        .join(Role, Role.id == through.role_id)
        .where(shown),
        select(groups.user_id, literal("group"), Group.name).join(Group),
        select(Identity.user_id, literal("bound"), Identity.provider),
    )
    owners = (roles.user_id, groups.user_id, groups.user_id, Identity.user_id)
    his = (part.where(owner.in_(ids)) for part, owner in zip(parts, owners, strict=True))
    rows = session.execute(union(*his).order_by("name")) if ids else ()
    return gather(((user_id, kind), name) for user_id, kind, name in rows)


def gather(pairs: Iterable[Any]) -> dict[Any, list[str]]:
    """The second values of pairs by their first."""
    found: dict[Any, list[str]] = defaultdict(list)
    for key, name in pairs:
        found[key].append(name)
    return found
