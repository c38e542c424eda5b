"""Users' public SSH keys: what opens the SSH endpoints of their jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import IntegrityError

from portal.domain.errors import Conflict, FieldError, NotFound
from portal.domain.fields import Fields, line
from portal.domain.permission import Actor
from portal.models import SshKeyRow
from portal.models.db import database
from portal.services.people.ssh_key_text import read_public_key
from portal.services.records import audit

MOST = 50
MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class SshKey:
    """A key as its owner sees it."""

    id: int
    name: str
    key: str
    fingerprint: str
    created_at: datetime

    @property
    def kind(self) -> str:
        """Its type, such as ``ssh-ed25519``."""
        return self.key.partition(" ")[0]


def listed(user_id: int) -> list[SshKey]:
    """The keys of a user, newest first."""
    rows = SshKeyRow.select().where(SshKeyRow.user_id == user_id).order_by(SshKeyRow.id.desc())
    return [_value(row) for row in rows]


def add(actor: Actor, name: Any, text: Any, now: datetime) -> SshKey:
    """Keep a public key of the actor.

    ``InvalidSpec`` at ``name`` or ``key``; ``Conflict`` when they have it already or too many.
    """
    fields = Fields({"name": name, "key": text})
    label = fields.take("name", line(MAX_NAME), required=True)
    key = fields.take("key", read_public_key)
    fields.done()
    try:
        with database.atomic():
            if len(listed(actor.user_id)) >= MOST:
                raise Conflict(FieldError("You have %(n)s SSH keys; delete one first", {"n": MOST}))
            row = SshKeyRow.create(
                user_id=actor.user_id,
                name=label,
                key=key.line,
                fingerprint=key.fingerprint,
                created_at=now,
            )
            noted = {"fingerprint": key.fingerprint}
            audit.record(actor, "ssh_key.create", "ssh_key", label, at=now, after=noted)
    except IntegrityError:
        raise Conflict(FieldError("You have this key already")) from None
    return _value(row)


def remove(actor: Actor, key_id: int, now: datetime) -> None:
    """Delete one of the actor's keys; raises ``NotFound``."""
    mine = (SshKeyRow.id == key_id) & (SshKeyRow.user_id == actor.user_id)
    with database.atomic():
        row = SshKeyRow.get_or_none(mine)
        if row is None:
            raise NotFound("There is no such SSH key")
        SshKeyRow.delete().where(mine).execute()
        noted = {"fingerprint": row.fingerprint}
        audit.record(actor, "ssh_key.delete", "ssh_key", row.name, at=now, before=noted)


def _value(row: Any) -> SshKey:
    return SshKey(row.id, row.name, row.key, row.fingerprint, row.created_at)
