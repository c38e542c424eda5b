"""Rows of users: made, checked against those there are, changed; rules are elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask_appbuilder.security.sqla.models import ApiKey, User
from sqlalchemy import and_, column, delete, func, or_, select, table
from sqlalchemy.orm import Session

from portal.domain.errors import FieldError
from portal.people import account_fields as fields
from portal.people.identities import Identity
from portal.services.records import traces as people

Errors = list[tuple[str, FieldError]]
_TAKEN = {
    "username": FieldError("This username is taken"),
    "email": FieldError("This address belongs to another account"),
}


_SSH_KEYS = table("ssh_key", column("user_id"))
_CHOICES = table("user_choice", column("user_id"))
_TEMPLATES = table("template", column("scope"), column("place"))
"""Tables of ``portal.models`` with rows that belong to one user alone."""


def _now() -> datetime:
    """Flask-AppBuilder's columns take times without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def new_user(row: Mapping[str, Any], hashed: str) -> User:
    """A row for a new account; ``hashed`` is what is kept of its password."""
    user = User(username=row["username"], last_name="", created_on=_now())
    given = {"nickname": row.get("nickname") or user.username, "email": row.get("email", "")}
    write(user, {**given, "phone": row.get("phone"), "active": True, "password": hashed})
    user.session_epoch = 0
    return user


def clashes(session: Session, rows: Sequence[Mapping[str, Any]]) -> Errors:
    """Usernames and addresses that are taken, or twice in the batch.

    ``at`` of a row stands before the fields' names in errors (``users.2.``).
    """
    names = [row["username"] for row in rows if "username" in row]
    mails = [row["email"].lower() for row in rows if row.get("email")]
    taken = _taken(session, names, mails) | people.remembered(names)
    found: Errors = []
    seen: set[str] = set()
    for row in rows:
        place = row.get("at", "")
        for field in ("username", "email"):
            value = row.get(field, "")
            key = f"{field} {value.lower()}"
            if value and (value in taken or value.lower() in taken):
                found.append((place + field, _TAKEN[field]))
            elif value and key in seen:
                found.append((place + field, FieldError("It is in two rows")))
            seen.add(key)
    return found


def _taken(session: Session, names: Sequence[str], mails: Sequence[str]) -> set[str]:
    lowered = [name.lower() for name in names]
    query = select(User.username, User.email).where(
        or_(func.lower(User.username).in_(lowered), func.lower(User.email).in_(mails))
    )
    wanted = {*lowered, *mails}
    return {one.lower() for row in session.execute(query) for one in row if one.lower() in wanted}


def email_clash(session: Session, values: Mapping[str, Any], name: str) -> Errors:
    """Whether somebody else has the address among ``values``, if one is there."""
    address = values.get("email") or ""
    query = select(User.id).where(func.lower(User.email) == address.lower(), User.username != name)
    if not address or session.scalar(query.limit(1)) is None:
        return []
    return [("email", _TAKEN["email"])]


def write(user: User, values: Mapping[str, Any]) -> None:
    """Put what ``values`` name into a row; ``password`` is what is kept of one.

    A new password or being disabled ends every session.
    """
    if "nickname" in values:
        user.nickname = user.first_name = values["nickname"]
    if "phone" in values:
        user.phone = values["phone"] or None
    if "email" in values:
        user.email = fields.stored_email(user.username, values["email"])
    if "active" in values:
        user.active = values["active"]
    if "password" in values:
        user.password, user.password_changed_on = values["password"], _now()
    if "password" in values or values.get("active") is False:
        user.session_epoch = User.session_epoch + 1


def remove_keys(session: Session, user: User) -> None:
    """Delete the API keys of a user; enabled again, the account begins without."""
    session.execute(delete(ApiKey).where(ApiKey.user_id == user.id))


def remove_belongings(session: Session, user_id: int) -> None:
    """Delete what is a user's alone and no relation of their row names; ended jobs stay."""
    his_templates = and_(_TEMPLATES.c.scope == "user", _TEMPLATES.c.place == str(user_id))
    for rows, his in (
        (Identity, Identity.user_id == user_id),
        (_SSH_KEYS, _SSH_KEYS.c.user_id == user_id),
        (_CHOICES, _CHOICES.c.user_id == user_id),
        (_TEMPLATES, his_templates),
    ):
        session.execute(delete(rows).where(his))
