"""The audit log, to search (G7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, render_template, request, url_for

from portal.http.access import actor
from portal.services.records import audit
from portal.services.records.audit import AuditQuery
from portal.web.base.appearance import zone
from portal.web.base.pager import Pager
from portal.web.base.table_address import TableAddress
from portal.web.base.words import gettext
from portal.web.people.audit_words import ACTIONS, OBJECTS, action_words, changes, sentence
from portal.web.people.menu import managers_only

blueprint = Blueprint("audit", __name__, url_prefix="/dashboard/audit")

FILTERS = ("q", "actor", "object_type", "action", "from", "to")


@blueprint.get("/")
@managers_only
def index() -> str:
    """Newest first."""
    address = TableAddress.read(url_for("audit.index"), request.args, FILTERS)
    chosen = address.filters
    since, until = _day(chosen["from"]), _day(chosen["to"], end=True)
    backwards = since is not None and until is not None and since >= until
    found = audit.search(
        actor(),
        AuditQuery(
            q=chosen["q"],
            actor=chosen["actor"],
            action=chosen["action"],
            object_type=chosen["object_type"],
            since=since,
            until=None if backwards else until,
            limit=address.limit,
            offset=address.offset,
        ),
    )
    return render_template(
        "people/audit.html",
        address=address,
        problem=gettext("The end must not be before the beginning") if backwards else "",
        pages=Pager.of(address, len(found.items), found.total, found.next_id is not None),
        lines=[(entry, sentence(entry), changes(entry)) for entry in found.items],
        objects=[(key, str(words)) for key, words in OBJECTS.items()],
        actions=[(key, action_words(key)) for key in ACTIONS],
    )


def _day(text: str, *, end: bool = False) -> datetime | None:
    """The beginning (or the end) of a day of the reader's calendar."""
    try:
        day = date.fromisoformat(text)
        begin = datetime.combine(day, time(), zone())
        return (begin + timedelta(days=1 if end else 0)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
