"""Which outside identity belongs to which account; the last way in is never taken away."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, FieldError, InvalidSpec, NotFound, WrongValue
from portal.domain.permission import Actor
from portal.people import own_account
from portal.people.account_fields import USERNAME, email
from portal.people.identities import Identity
from portal.people.provider import Outsider
from portal.people.trail import note

MOST_NAMES = 100
"""So many people of one name get a number behind it; the next gets a random ending."""


def owner(session: Session, outsider: Outsider) -> User | None:
    """The account that an identity is bound to."""
    query = (
        select(User)
        .join(Identity, Identity.user_id == User.id)
        .where(Identity.provider == outsider.provider, Identity.subject == outsider.subject)
    )
    found: User | None = session.scalar(query)
    return found


def bound(session: Session, user_id: int) -> dict[str, str]:
    """The name there, by provider."""
    query = select(Identity.provider, Identity.name).where(Identity.user_id == user_id)
    return {row[0]: row[1] for row in session.execute(query)}


def row(user_id: int, outsider: Outsider) -> Identity:
    """A new binding."""
    return Identity(
        user_id=user_id,
        provider=outsider.provider,
        subject=outsider.subject,
        name=outsider.name or "",
        bound_on=datetime.now(UTC).replace(tzinfo=None),
    )


def bind(session: Session, actor: Actor, outsider: Outsider) -> None:
    """Let the actor sign in with an identity; one of each provider, each for one account."""
    holder = owner(session, outsider)
    if holder is not None and holder.id == actor.user_id:
        return
    if holder is not None:
        raise Conflict(FieldError("This identity belongs to another account"))
    if outsider.provider in bound(session, actor.user_id):
        raise Conflict(FieldError("Unbind the current one first"))
    try:
        session.add(row(actor.user_id, outsider))
        facts = {"provider": outsider.provider, "name": outsider.name}
        note(session, actor, "account.bind", actor.username, after=facts)
        session.commit()
    except IntegrityError:  # it was bound elsewhere meanwhile
        session.rollback()
        raise Conflict(FieldError("This identity belongs to another account")) from None


def unbind(session: Session, actor: Actor, provider: str) -> None:
    """Take a way in away, unless it is the last one."""
    present = bound(session, actor.user_id)
    if provider not in present:
        raise NotFound("It is not bound")
    if len(present) == 1 and not own_account.has_password(session, actor.user_id):
        raise Conflict(FieldError("It is the only way into your account; set a password first"))
    session.execute(
        delete(Identity).where(Identity.user_id == actor.user_id, Identity.provider == provider)
    )
    facts = {"provider": provider, "name": present[provider]}
    note(session, actor, "account.unbind", actor.username, before=facts)
    session.commit()


def make_account(session: Session, outsider: Outsider, address: str) -> User:
    """An account without role or password for who signs in from outside the first time.

    When they do so twice at once, both find the account that was made first.
    """
    for name in _free_names(session, outsider):
        values = {"username": name, "nickname": (outsider.name or name)[:64]}
        mail = _usable_email(session, outsider.email)
        try:
            return own_account.sign_up(
                session,
                {**values, "email": mail},
                address,
                along=lambda user: _add(session, row(user.id, outsider)),
            )
        except (IntegrityError, InvalidSpec):  # the identity or the name is taken meanwhile
            session.rollback()
            made = owner(session, outsider)
            if made is not None:
                return made
    raise Conflict("No name is free for this account")


def _add(session: Session, identity: Identity) -> None:
    session.add(identity)
    session.flush()


def _free_names(session: Session, outsider: Outsider) -> Iterator[str]:
    """His name there if it is free here, else with the next number behind it, or a random one."""
    wanted = outsider.username
    if not USERNAME.fullmatch(wanted):
        wanted = outsider.provider
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, MOST_NAMES))]
    taken = own_account.taken_names(session, names)
    yield from (name for name in names if name.lower() not in taken)
    yield f"{wanted}-{secrets.token_hex(4)}"


def _usable_email(session: Session, given: str) -> str:
    """The address, if it is one and nobody has it; it proves nothing and opens nothing."""
    try:
        address = email(given)
    except WrongValue:
        return ""
    taken = select(User.id).where(func.lower(User.email) == address.lower()).limit(1)
    return "" if session.scalar(taken) is not None else address
