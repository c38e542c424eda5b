"""Which secret key the portal's processes sign with: its fingerprint, for all to compare.

Processes with different keys throw each other's sessions out and cannot read the registry
passwords that jobs hold. That nobody sees why is worse than the mistake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from peewee import DatabaseError

from portal.domain.errors import TemporaryFailure
from portal.models import KeyPrintRow
from portal.models.db import database

LENGTH = 12


def fingerprint(secret_key: str) -> str:
    """Twelve hexadecimal digits that tell keys apart."""
    return hashlib.sha256(b"aoli fingerprint 1:" + secret_key.encode()).hexdigest()[:LENGTH]


def compare(secret_keys: Sequence[str], host: str, now: datetime, *, adopt: bool = False) -> str:
    """What is wrong with the keys of this process (newest first), or nothing.

    The first who asks leaves the fingerprint of their newest key; so does who knows the key
    that was left and has a newer one. ``adopt`` leaves it in any case. Raises
    ``TemporaryFailure`` when the database does not answer or lacks the table.
    """
    mine = [fingerprint(key) for key in secret_keys]
    try:
        left = KeyPrintRow.select().order_by(KeyPrintRow.noted_at.desc()).first()
        known = left is None or left.fingerprint in mine
        if (known or adopt) and (left is None or left.fingerprint != mine[0]):
            _leave(mine[0], host, now)
    except DatabaseError as error:
        why = " ".join(str(error).split())
        raise TemporaryFailure(f"the secret key was not compared: {why}") from error
    if known:
        return ""
    return (
        f"the secret key of {host} ({mine[0]}) is not the portal's ({left.fingerprint}, left by"
        f" {left.host} at {left.noted_at:%Y-%m-%d %H:%M} UTC): sign-ins and the registry passwords"
        " of waiting jobs do not hold between the two. Give all machines the same AOLI_SECRET_KEY;"
        " to change it, AOLI_SECRET_KEY=new,old"
    )


def _leave(mine: str, host: str, now: datetime) -> None:
    """Several that start at once leave the same."""
    row = {"fingerprint": mine, "host": host, "noted_at": now}
    with database.atomic():
        KeyPrintRow.delete().execute()
        KeyPrintRow.insert(row).on_conflict_ignore().execute()
