"""The audit log, to search."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.api import reading
from portal.api.auth import actor, holders
from portal.api.calls import PAGING, Parameter, call
from portal.api.schemas import Page, Shape, Time
from portal.domain.permission import Permission
from portal.services.records import audit
from portal.services.records.audit import AuditQuery

MANAGERS = holders(Permission.MANAGE_USERS)


class AuditEntry(Shape):
    """Who did what, when, and from where."""

    id: int
    at: Time
    actor: str
    address: str
    action: str
    object_type: str
    object: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@call(
    "GET",
    "/audit",
    tag="Audit",
    summary="Search the audit log",
    access=MANAGERS,
    query=(
        Parameter("q", str, "Part of the object's or of the actor's name"),
        Parameter("actor", str, "Who did it"),
        Parameter("action", str, "What was done, such as user.create"),
        Parameter("object_type", str, "user, group, role, vc, …"),
        Parameter("object", str, "The whole name of what was changed"),
        Parameter("since", datetime, "Then or later"),
        Parameter("until", datetime, "Then or earlier"),
        *PAGING,
    ),
    answer=Page[AuditEntry],
    problems=(422,),
)
def search_audit() -> Any:
    """Newest first. Entries are never changed; secrets are never in them."""
    found = audit.search(
        actor(),
        AuditQuery(
            q=reading.text("q") or "",
            actor=reading.text("actor") or "",
            action=reading.text("action") or "",
            object_type=reading.text("object_type") or "",
            object=reading.text("object") or "",
            since=reading.moment("since"),
            until=reading.moment("until"),
            limit=reading.limit(),
            before_id=reading.cursor(digits=18),
        ),
    )
    cursor = str(found.next_id) if found.next_id is not None else None
    return {"items": found.items, "next_cursor": cursor, "total": found.total}
