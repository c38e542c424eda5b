"""A submission that is sent again under its key makes no second job.

Whoever got no answer cannot know whether the job was made; with a key of their own
(``Idempotency-Key``) he sends the same again and gets the job of the first time. The key is
written in the transaction of the job, so there is never one without the other.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from portal.domain.errors import InvalidSpec
from portal.models import SubmissionKeyRow

KEPT_FOR = timedelta(hours=24)
FIELD = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def check_key(key: str) -> str:
    """The key, if it can be one: 1 to 255 letters, digits and signs; else ``InvalidSpec``."""
    if not _KEY.fullmatch(key):
        raise InvalidSpec(FIELD, "Must be 1 to 255 letters, digits and signs, without spaces")
    return key


def find(user_id: int, key: str, body: Any, now: datetime) -> str | None:
    """The id of the job that this user has submitted with ``key``; ``None`` if there is none.

    Raises ``InvalidSpec`` when it was another submission.
    """
    row = SubmissionKeyRow.get_or_none(
        (SubmissionKeyRow.user_id == user_id)
        & (SubmissionKeyRow.key == key)
        & (SubmissionKeyRow.at > now - KEPT_FOR)
    )
    if row is None:
        return None
    if row.digest != _digest(key, body):
        raise InvalidSpec(FIELD, "Was used for another submission")
    return str(row.job)


def remember(user_id: int, key: str, body: Any, job_id: str, now: datetime) -> None:
    """Note the job under its key; part of the transaction that makes the job.

    Raises peewee's ``IntegrityError`` when the key is taken: somebody was first.
    """
    SubmissionKeyRow.delete().where(SubmissionKeyRow.at <= now - KEPT_FOR).execute()
    SubmissionKeyRow.insert(
        user_id=user_id, key=key, digest=_digest(key, body), job=job_id, at=now
    ).execute()


def _digest(key: str, body: Any) -> str:
    """Of the body without its password, which is kept nowhere in clear nor as a hash."""
    told = dict(body) if isinstance(body, Mapping) else {"body": body}
    if isinstance(told.get("registry"), Mapping):
        told["registry"] = {**told["registry"], "password": None}
    text = json.dumps([key, told], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
