"""What everybody may do with their own account (A2, A5): sign up, edit, change the password."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.errors import InvalidSpec
from portal.domain.fields import Fields, line
from portal.domain.permission import Actor
from portal.people import account_fields as fields
from portal.people import account_rows as rows
from portal.people import directory
from portal.people.passwords import NONE, PasswordPolicy, hash_password, is_right
from portal.people.trail import note

EDITABLE = ("nickname", "phone", "email")


def read_sign_up(session: Session, policy: PasswordPolicy, body: Mapping[str, Any]) -> Any:
    """The fields of a sign-up; ``InvalidSpec`` names every wrong one."""
    taken = Fields(body, ("username", "nickname", "password", "password_again"))
    name = taken.take("username", fields.username, required=True)
    taken.take("nickname", line(64), required=True)
    taken.take("password", fields.password(policy, name or ""), required=True)
    if body.get("password") != body.get("password_again"):
        taken.note("password_again", "The two passwords differ")
    taken.wrong += rows.clashes(session, [taken.values])
    return taken.done()


def sign_up(
    session: Session,
    values: Mapping[str, Any],
    address: str,
    *,
    along: Callable[[User], None] | None = None,
) -> User:
    """Make an account without any role; ``along`` writes what belongs to it as well."""
    hashed = hash_password(values["password"]) if values.get("password") else NONE
    user = rows.new_user(values, hashed)
    try:
        session.add(user)
        session.flush()
        if along is not None:
            along(user)
        himself = Actor(user.id, user.username, address=address)
        note(session, himself, "account.sign_up", user.username)
        session.commit()
    except IntegrityError:  # somebody took the name meanwhile
        session.rollback()
        wrong = rows.clashes(session, [values])
        if wrong:
            raise InvalidSpec.of(wrong) from None
        raise
    return user


def edit(session: Session, actor: Actor, body: Any) -> None:
    """Change nickname, phone or e-mail."""
    taken = Fields(body, EDITABLE)
    taken.take("nickname", line(64))
    taken.take("phone", fields.phone)
    taken.take("email", fields.email)
    taken.wrong += rows.email_clash(session, taken.values, actor.username)
    values = taken.done()
    before = directory.account(session, actor.user_id)
    rows.write(session.get_one(User, actor.user_id), values)
    after = directory.account(session, actor.user_id)
    note(
        session,
        actor,
        "account.modify",
        actor.username,
        before=before.facts(),
        after=after.facts(),
    )
    session.commit()


def taken_names(session: Session, usernames: Sequence[str]) -> set[str]:
    """Those of the names, in small letters, that a new account cannot have."""
    found = rows.clashes(session, [{"username": name, "at": name} for name in usernames])
    return {place.removesuffix("username").lower() for place, _ in found}


def has_password(session: Session, user_id: int) -> bool:
    """Whether the account can be signed in to with a password."""
    kept = session.scalar(select(User.password).where(User.id == user_id))
    return kept not in (None, "", NONE)


def change_password(
    session: Session,
    policy: PasswordPolicy,
    actor: Actor,
    body: Mapping[str, Any],
    *,
    judge: Callable[[bool], None] = lambda right: None,
) -> None:
    """Set another password, and so end every session of this account.

    The present one must be told, unless there is none. ``judge`` is told whether it was right,
    before anything else happens, and may raise.
    """
    kept = session.scalar(select(User.password).where(User.id == actor.user_id))
    taken = Fields(body, ("present", "password", "password_again"))
    right = kept in (None, "", NONE) or is_right(kept, str(body.get("present") or ""))
    judge(right)
    if not right:
        taken.note("present", "This is not your current password")
    taken.take("password", fields.password(policy, actor.username), required=True)
    if body.get("password") != body.get("password_again"):
        taken.note("password_again", "The two passwords differ")
    values = taken.done()
    hashed = hash_password(values["password"])
    rows.write(session.get_one(User, actor.user_id), {"password": hashed})
    note(session, actor, "account.password", actor.username)
    session.commit()
