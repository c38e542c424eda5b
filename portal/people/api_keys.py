"""API keys: made once, shown once, kept as a hash; ``Authorization: Bearer aoli_…``.

A key is 256 random bits, so one round of SHA-256 keeps it as safe as a slow hash would, and a
call is not slowed down.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_appbuilder.security.sqla.models import ApiKey, User
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, FieldError, NotFound, WrongValue
from portal.domain.fields import Fields, line
from portal.domain.moment import rfc3339
from portal.domain.permission import Actor
from portal.people.directory import aware
from portal.people.trail import note

MARK = "aoli_"
MOST = 50
USED_EVERY = timedelta(minutes=1)
"""``last used`` is written at most so often."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key as its owner sees it; ``begins`` tells keys apart."""

    id: int
    name: str
    begins: str
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)

    @property
    def expires_soon(self) -> bool:
        """Whether it has less than a week."""
        return self.expires_at is not None and self.expires_at < datetime.now(UTC) + timedelta(7)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def listed(session: Session, user_id: int) -> list[KeyFacts]:
    """The keys of a user, newest first."""
    columns = (
        *(ApiKey.id, ApiKey.name, ApiKey.key_prefix, ApiKey.created_on),
        *(ApiKey.expires_on, ApiKey.last_used_on),
    )
    query = select(*columns).where(ApiKey.user_id == user_id, ApiKey.revoked_on.is_(None))
    return [
        KeyFacts(row[0], row[1], row[2], aware(row[3]), aware(row[4]), aware(row[5]))
        for row in session.execute(query.order_by(ApiKey.id.desc()))
    ]


def create(session: Session, actor: Actor, body: Any) -> tuple[KeyFacts, str]:
    """Make a key for the actor; the key itself is never seen again."""
    taken = Fields(body, ("name", "expires_at"))
    taken.take("name", line(64), required=True)
    taken.take("expires_at", _moment)
    values = taken.done()
    keys = listed(session, actor.user_id)
    if len(keys) >= MOST:
        raise Conflict(FieldError("You have %(n)s API keys; revoke one first", {"n": MOST}))
    key = MARK + secrets.token_urlsafe(32)
    row = {
        "name": values["name"],
        "key_hash": "sha256",
        "lookup_hash": _hash(key),
        "key_prefix": key[: len(MARK) + 4],
        "user_id": actor.user_id,
        "active": True,
        "created_on": _now(),
        "expires_on": values.get("expires_at"),
    }
    session.execute(insert(ApiKey), [row])
    made = listed(session, actor.user_id)[0]
    noted = {"expires_at": rfc3339(made.expires_at)}
    note(session, actor, "api_key.create", made.name, after=noted)
    session.commit()
    return made, key


def _moment(value: Any) -> datetime:
    wrong = WrongValue("Must be in the future, such as 2027-01-31T00:00:00Z")
    try:
        at = datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if at <= datetime.now(UTC) or at.year > 9000:
        raise wrong
    return at.replace(tzinfo=None)


def revoke(session: Session, actor: Actor, key_id: int) -> None:
    """End one of the actor's keys at once; raises ``NotFound``."""
    for found in listed(session, actor.user_id):
        if found.id == key_id:
            session.execute(delete(ApiKey).where(ApiKey.id == key_id))
            note(session, actor, "api_key.revoke", found.name)
            session.commit()
            return
    raise NotFound("There is no such API key")


def owner(session: Session, key: str) -> User | None:
    """The active user of a valid key; its use is noted."""
    now = _now()
    query = (
        select(ApiKey.id, ApiKey.last_used_on, User)
        .join(User, User.id == ApiKey.user_id)
        .where(
            ApiKey.lookup_hash == _hash(key),
            ApiKey.revoked_on.is_(None),
            or_(ApiKey.expires_on.is_(None), ApiKey.expires_on > now),
            User.active.is_(True),
        )
    )
    row = session.execute(query).one_or_none()
    if row is None:
        return None
    if row[1] is None or now - row[1] > USED_EVERY:
        session.execute(update(ApiKey).where(ApiKey.id == row[0]).values(last_used_on=now))
        session.commit()
    return row[2]
