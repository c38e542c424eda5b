"""What even an administrator may not do (G2, G5): raise anyone above themselves, touch those above
them, take the role System Admin away, change what every portal has.

All checks are made inside :func:`turn`, so that two administrators never act on the same
picture at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, FieldError, Forbidden
from portal.domain.permission import Actor, Permission, with_implied
from portal.people.directory import all_roles_of_users
from portal.people.grants import Grants, load_grants
from portal.people.groups_and_roles import ADMIN_ROLE, RoleFacts, codes_of


@contextmanager
def turn(session: Session) -> Iterator[None]:
    """One administrator's change at a time: the row of System Admin is the lock."""
    try:
        session.execute(update(Role).where(Role.name == ADMIN_ROLE).values(name=ADMIN_ROLE))
        session.expire_all()  # what was read before the turn may be different now
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise


def check_administrator(actor: Actor) -> None:
    """``Forbidden`` for whoever does not administer users."""
    if not actor.may(Permission.MANAGE_USERS):
        raise Forbidden("Administering users needs the permission Manager")


def is_system_admin(actor: Actor) -> bool:
    """Whether the actor holds the role System Admin."""
    return ADMIN_ROLE in actor.roles


def check_gift(actor: Actor, given: Iterable[RoleFacts]) -> None:
    """Nobody gives what they do not have."""
    roles = list(given)
    names = {role.name for role in roles}
    beyond = not codes_of(roles) <= with_implied(actor.permissions)
    if not is_system_admin(actor) and (beyond or ADMIN_ROLE in names):
        raise Forbidden(FieldError("You cannot give more than you are allowed to do yourself"))


def check_reach(actor: Actor, session: Session, user_id: int) -> Grants:
    """What a user holds; refused when it is more than the actor holds."""
    held = load_grants(session, user_id)
    above = ADMIN_ROLE in held.roles or not held.codes <= with_implied(actor.permissions)
    if above and not is_system_admin(actor):
        raise Forbidden(FieldError("This user is allowed to do more than you are"))
    return held


def check_role_reach(actor: Actor, role: RoleFacts) -> None:
    """A role above the actor is not theirs to change."""
    if not is_system_admin(actor) and not role.permissions <= with_implied(actor.permissions):
        raise Forbidden(FieldError("This role allows more than you are allowed to do yourself"))


def check_not_preset(role: RoleFacts) -> None:
    """Preset roles are the same in every portal."""
    if role.preset:
        raise Conflict(FieldError("Preset roles cannot be changed or deleted"))


def system_admins(session: Session) -> set[int]:
    """Ids of the active users who hold System Admin, direct or through a group."""
    pairs = all_roles_of_users(select(Role.id).where(Role.name == ADMIN_ROLE))
    query = (
        select(pairs.c.user_id).join(User, User.id == pairs.c.user_id).where(User.active.is_(True))
    )
    return set(session.scalars(query))


def check_admins_kept(session: Session, before: set[int]) -> None:
    """After a change: whoever was System Admin still is."""
    if not before <= system_admins(session):
        raise Conflict(FieldError("The role System Admin cannot be taken away here"))


def check_not_last(session: Session, user_id: int) -> None:
    """There must always be a System Admin who can sign in."""
    admins = system_admins(session)
    if admins and admins <= {user_id}:
        raise Conflict(FieldError("This is the last System Admin"))
