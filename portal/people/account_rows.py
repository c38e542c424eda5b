"""Rows of users: made, checked against those there are, changed, deleted; rules are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask_appbuilder.security.sqla.models import (
    ApiKey,
    User,
    assoc_user_group,
    assoc_user_role,
)
from sqlalchemy import and_, column, delete, func, or_, select, table, update
from sqlalchemy.orm import Session

from portal.domain.errors import FieldError
from portal.people import account_fields as fields
from portal.people.directory import Account
from portal.people.identities import Identity
from portal.services.records import traces as people

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
    name = row["username"]
    return User(
        username=name,
        first_name=row.get("nickname") or name,
        last_name="",
        nickname=row.get("nickname") or name,
        phone=row.get("phone") or None,
        email=fields.stored_email(name, row.get("email", "")),
        password=hashed,
        password_changed_on=_now(),
        active=True,
        created_on=_now(),
    )


def clashes(
    session: Session, rows: Sequence[Mapping[str, Any]], prefix: Callable[[int], str]
) -> fields.Errors:
    """Usernames and addresses that are taken, or twice in the batch."""
    names = [row["username"] for row in rows if "username" in row]
    mails = [row["email"].lower() for row in rows if row.get("email")]
    taken = _taken(session, names, mails) | people.remembered(names)
    found: fields.Errors = []
    seen: set[str] = set()
    for number, row in enumerate(rows):
        for field in ("username", "email"):
            value = row.get(field, "")
            key = f"{field} {value.lower()}"
            if value and (value in taken or value.lower() in taken):
                found.append((prefix(number) + field, _TAKEN[field]))
            elif value and key in seen:
                found.append((prefix(number) + field, FieldError("It is in two rows")))
            seen.add(key)
    return found


def _taken(session: Session, names: Sequence[str], mails: Sequence[str]) -> set[str]:
    lowered = [name.lower() for name in names]
    query = select(User.username, User.email).where(
        or_(func.lower(User.username).in_(lowered), func.lower(User.email).in_(mails))
    )
    wanted = {*lowered, *mails}
    return {one.lower() for row in session.execute(query) for one in row if one.lower() in wanted}


def email_clash(session: Session, address: str, name: str) -> fields.Errors:
    """Whether somebody else has an address."""
    query = select(User.id).where(func.lower(User.email) == address.lower(), User.username != name)
    if session.scalar(query.limit(1)) is None:
        return []
    return [("email", _TAKEN["email"])]


def write_changes(
    session: Session, before: Account, values: Mapping[str, Any], hashed: str
) -> None:
    """Write what ``values`` name; a new password or being disabled ends every session.

    Being disabled ends the API keys as well.
    """
    columns: dict[Any, Any] = {}
    if "nickname" in values:
        columns[User.nickname] = columns[User.first_name] = values["nickname"]
    if "phone" in values:
        columns[User.phone] = values["phone"] or None
    if "email" in values:
        columns[User.email] = fields.stored_email(before.username, values["email"])
    if "active" in values:
        columns[User.active] = values["active"]
    if hashed:
        columns[User.password] = hashed
        columns[User.password_changed_on] = _now()
    if hashed or values.get("active") is False:
        columns[User.session_epoch] = User.session_epoch + 1
    if values.get("active") is False:  # enabled again, it begins without keys
        session.execute(delete(ApiKey).where(ApiKey.user_id == before.id))
    if columns:
        session.execute(
            update(User).where(User.id == before.id).values(columns),
            execution_options={"synchronize_session": False},
        )
    session.expire_all()


def remove_user(session: Session, user_id: int) -> None:
    """Delete a user's row and all that is his alone; jobs that have ended stay."""
    for editor in (User.created_by_fk, User.changed_by_fk):
        session.execute(
            update(User).where(editor == user_id).values({editor: None}),
            execution_options={"synchronize_session": False},
        )
    his_templates = and_(_TEMPLATES.c.scope == "user", _TEMPLATES.c.place == str(user_id))
    for rows, his in (
        (assoc_user_role, assoc_user_role.c.user_id == user_id),
        (assoc_user_group, assoc_user_group.c.user_id == user_id),
        (ApiKey, ApiKey.user_id == user_id),
        (Identity, Identity.user_id == user_id),
        (_SSH_KEYS, _SSH_KEYS.c.user_id == user_id),
        (_CHOICES, _CHOICES.c.user_id == user_id),
        (_TEMPLATES, his_templates),
        (User, User.id == user_id),
    ):
        session.execute(delete(rows).where(his), execution_options={"synchronize_session": False})
    session.expire_all()
