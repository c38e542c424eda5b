"""The audit log (G7): who changed what, when, from where, and how it was before and after.

Entries are only ever added. What is written goes through :func:`entry`, which redacts
whatever is named like a secret, so that a careless caller cannot leak one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.domain.errors import Forbidden, InvalidSpec
from portal.domain.moment import rfc3339
from portal.domain.permission import Actor, Permission
from portal.domain.secret_words import HIDDEN, walk
from portal.models import AuditRow

__all__ = ["HIDDEN", "AuditPage", "AuditQuery", "entry", "record", "search"]

DEFAULT_LIMIT = 20
MOST_COUNTED = 10_000
"""Nobody counts further: a log grows for ever."""


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What is looked for; empty fields do not narrow.

    ``q`` is part of the object's or of the actor's name, ``object`` the whole name.
    """

    q: str = ""
    actor: str = ""
    action: str = ""
    object_type: str = ""
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = DEFAULT_LIMIT
    before_id: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first, and the id to go on before, if there are more.

    ``total`` is ``None`` when there are more than :data:`MOST_COUNTED`.
    """

    items: list[dict[str, Any]]
    next_id: int | None
    total: int | None


def entry(
    actor: Actor,
    action: str,
    object_type: str,
    name: str,
    *,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The columns of an entry. With both sides given, only what differs is kept."""
    if before is not None and after is not None:
        changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        before = {key: value for key, value in before.items() if key in changed}
        after = {key: value for key, value in after.items() if key in changed}
    return {
        "at": at,
        "actor": actor.username,
        "address": actor.address[:64],
        "action": action,
        "object_type": object_type,
        "object": name[:256],
        "before": walk(before),
        "after": walk(after),
    }


def record(
    actor: Actor,
    action: str,
    object_type: str,
    name: str,
    *,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry; call it inside the transaction of the change."""
    columns = entry(actor, action, object_type, name, at=at, before=before, after=after)
    AuditRow.insert(**columns).execute()


def search(actor: Actor, query: AuditQuery) -> AuditPage:
    """Entries, newest first; ``Forbidden`` without the permission Manager."""
    if not actor.may(Permission.MANAGE_USERS):
        raise Forbidden("Reading the audit log needs the permission Manager")
    found = AuditRow.select().where(*_conditions(query))
    page = found if query.before_id is None else found.where(AuditRow.id < query.before_id)
    rows = list(page.order_by(AuditRow.id.desc()).offset(query.offset).limit(query.limit + 1))
    shown = rows[: query.limit]
    total = _total(found, query, rows)
    return AuditPage(
        items=[_dump(row) for row in shown],
        next_id=shown[-1].id if len(rows) > query.limit else None,
        total=total,
    )


def _total(found: Any, query: AuditQuery, rows: Sequence[Any]) -> int | None:
    """How many there are in all, without a second walk where the page has said it."""
    if query.before_id is None and len(rows) <= query.limit and (rows or not query.offset):
        return query.offset + len(rows)
    counted = int(found.limit(MOST_COUNTED + 1).count())
    return counted if counted <= MOST_COUNTED else None


def _conditions(query: AuditQuery) -> list[Any]:
    if query.since and query.until and query.since > query.until:
        raise InvalidSpec("until", "Must not be before since")
    conditions: list[Any] = [AuditRow.id.is_null(False)]
    if query.q:
        conditions.append(AuditRow.object.contains(query.q) | AuditRow.actor.contains(query.q))
    for column, value in (
        (AuditRow.actor, query.actor),
        (AuditRow.action, query.action),
        (AuditRow.object_type, query.object_type),
        (AuditRow.object, query.object),
    ):
        if value:
            conditions.append(column == value)
    if query.since:
        conditions.append(AuditRow.at >= query.since)
    if query.until:
        conditions.append(AuditRow.at <= query.until)
    return conditions


def _dump(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": rfc3339(row.at),
        "actor": row.actor,
        "address": row.address,
        "action": row.action,
        "object_type": row.object_type,
        "object": row.object,
        "before": row.before,
        "after": row.after,
    }
