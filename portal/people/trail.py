"""Audit entries for changes of accounts, in the same transaction as the change.

The table belongs to ``portal.models``; it is in the same database, and only ever added to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, column, insert, table
from sqlalchemy.orm import Session

from portal.domain.permission import Actor
from portal.services.records import audit

_AUDIT = table(
    "audit",
    column("at", DateTime),
    *(column(name) for name in ("actor", "address", "action", "object_type", "object")),
    column("before"),
    column("after"),
)


def note(
    session: Session,
    actor: Actor,
    action: str,
    name: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry for ``action`` (``user.create``) on the user, group or role ``name``."""
    kind = action.partition(".")[0]
    entry = audit.entry(actor, action, kind, name, at=datetime.now(UTC), before=before, after=after)
    entry["at"] = entry["at"].replace(tzinfo=None)
    for side in ("before", "after"):
        value = entry[side]
        entry[side] = None if value is None else json.dumps(value, separators=(",", ":"))
    session.execute(insert(_AUDIT).values(**entry))
