"""Why jobs wait, as the last pass found: one note for all that are alike.

A pass writes this one row, however many wait. Owners who may not start anything have a note each,
which holds for all their jobs. What holds for one job alone (a place that is
kept for it, a later try) stands in that job's row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from portal.domain.planning import Plan, Request
from portal.domain.reason import Reason
from portal.models import QueueNoteRow

NEW = Reason("new").dump()
"""What a row says when nothing holds for its job alone."""
MAX_NOTES = 5000
"""Requests that are told in lists; further ones wait for the next pass, their pages say why."""
_ROW = 1


@dataclass(frozen=True, slots=True)
class Board:
    """What the last pass noted, as rows keep reasons."""

    refused: Mapping[Request, dict[str, Any]] = field(default_factory=dict)
    barred: Mapping[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By virtual cluster and user: why their jobs do not start there."""


def write(made: Plan, barred: Mapping[tuple[str, str], Reason], queue: object) -> bool:
    """Keep what the plan says, and whom it passed by; whether anything changed.

    ``queue`` (JSON) tells when places have changed, though reasons have not.
    """
    refused = islice(made.refused.items(), MAX_NOTES)
    notes = {
        "queue": queue,
        "refused": [[*request, reason.dump()] for request, reason in refused],
        "barred": [[*owner, reason.dump()] for owner, reason in sorted(barred.items(), key=_owner)],
    }
    notes = json.loads(json.dumps(notes))  # as it is read again
    row = QueueNoteRow.get_or_none(QueueNoteRow.id == _ROW)
    if row is not None and row.notes == notes:
        return False
    QueueNoteRow.insert(id=_ROW, notes=notes).on_conflict(
        conflict_target=[QueueNoteRow.id], update={QueueNoteRow.notes: notes}
    ).execute()
    return True


def _owner(item: tuple[tuple[str, str], Reason]) -> tuple[str, str]:
    return item[0]


def read() -> Board:
    """What was noted last."""
    row = QueueNoteRow.get_or_none(QueueNoteRow.id == _ROW)
    if row is None:
        return Board()
    refused = {Request(*request): reason for *request, reason in row.notes["refused"]}
    return Board(refused, {(vc, user): reason for vc, user, reason in row.notes["barred"]})


def reason_of(job: Mapping[str, Any], notes: Board) -> dict[str, Any]:
    """Why a waiting job waits; it has the names of the API."""
    barred = notes.barred.get((job["vc"], job["user"]))
    if barred is not None:
        return barred
    own: dict[str, Any] = job["reason"] or NEW
    if own["code"] != NEW["code"]:
        return own
    alike = (job["device_type"], job["devices"], job["nodes"], job["preemptible"])
    for user in (None, job["user"]):
        found = notes.refused.get(Request(job["vc"], user, *alike))
        if found is not None:
            return found
    return own
