"""Who belongs to what: names become rows, which the actor may give; many members at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import Group, Role, User
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session, selectinload

from portal.domain import fields
from portal.domain.errors import InvalidSpec
from portal.domain.permission import Actor
from portal.people import account_rules as rules
from portal.people.account_fields import some_names
from portal.people.grants import HIDDEN_ROLES
from portal.people.groups_and_roles import roles

CHUNK = 500
"""Ids in one statement; SQLite takes at most 32,766 parameters."""


def roles_to_give(
    actor: Actor, session: Session, names: Collection[str], held: Collection[str] = ()
) -> list[Role]:
    """The roles of these names, of which the actor may give all but those ``held`` before.

    ``InvalidSpec`` names those that do not exist, ``Forbidden`` when one is above the actor.
    """
    known = {role.name: role for role in roles(session)}
    check_known(names, known, "roles")
    rules.check_gift(actor, [known[name] for name in names if name not in held])
    ids = [known[name].id for name in names]
    return list(session.scalars(select(Role).where(Role.id.in_(ids))))


def groups_to_join(
    actor: Actor, session: Session, names: Collection[str], held: Collection[str] = ()
) -> list[Group]:
    """The groups of these names; as :func:`roles_to_give`, by the roles they give."""
    query = select(Group).where(Group.name.in_(names)).options(selectinload(Group.roles))
    found = list(session.scalars(query)) if names else []
    check_known(names, {group.name for group in found}, "groups")
    given = {role.name for group in found if group.name not in held for role in group.roles}
    roles_to_give(actor, session, given - HIDDEN_ROLES)
    return found


def user_ids(session: Session, names: Sequence[str]) -> dict[str, int]:
    """The ids of users by username; ``InvalidSpec`` names those that do not exist."""
    found: dict[str, int] = {}
    for begin in range(0, len(names), CHUNK):
        some = names[begin : begin + CHUNK]
        query = select(User.username, User.id).where(User.username.in_(some))
        found.update({row[0]: row[1] for row in session.execute(query)})
    check_known(names, found, "users")
    return found


def check_known(names: Iterable[str], known: Any, field: str) -> None:
    """``InvalidSpec`` at ``field`` naming those that are not among ``known``."""
    missing = [name for name in names if name not in known]
    if missing:
        listed = ", ".join(name[:64] for name in missing[:5])
        raise InvalidSpec(field, "Not found: %(names)s", names=listed)


def present(session: Session, column: Any, *, some: bool = False) -> Callable[[Any], list[str]]:
    """A reader of names that are there, by the column of roles, groups or users; ``some``: at
    least one.
    """
    hidden = HIDDEN_ROLES if column is Role.name else frozenset()

    def read(value: Any) -> list[str]:
        wanted = some_names(value) if some else fields.names(value)
        found: set[str] = set()
        for begin in range(0, len(wanted), CHUNK):
            part = column.in_(wanted[begin : begin + CHUNK])
            found.update(session.scalars(select(column).where(part)))
        check_known(wanted, found - hidden, "")
        return wanted

    return read


def change(
    session: Session, pairs: Any, one: dict[str, int], many: str, add: set[int], drop: set[int]
) -> None:
    """Add and drop rows of the table ``pairs`` beside ``one`` (column and id), by the ids in its
    column ``many``; a group or a role may have too many users to load them.
    """
    ((column, owner),) = one.items()
    ids = sorted(add | drop)
    for begin in range(0, len(ids), CHUNK):
        some = ids[begin : begin + CHUNK]
        session.execute(delete(pairs).where(pairs.c[column] == owner, pairs.c[many].in_(some)))
    if add:
        session.execute(insert(pairs), [{**one, many: other} for other in sorted(add)])
