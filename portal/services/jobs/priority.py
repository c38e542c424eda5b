"""The change of a job's priority. That of somebody else's job is in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.domain.errors import Conflict, NotFound, PriorityClash
from portal.domain.job import Job
from portal.domain.job_state import TERMINAL, JobState
from portal.domain.permission import Actor
from portal.models import AuditRow, JobRow
from portal.models.db import database
from portal.services.records import audit

ACTION = "job.priority"
MOST_TRIES = 20


def change(actor: Actor, job: Job, value: int, expected: int | None, now: datetime) -> int:
    """Write it and say what it was.

    Of several at once each finds what the one before it has written. Raises ``PriorityClash``
    when it is neither ``expected`` nor ``value`` already, ``Conflict`` when the job has ended,
    ``NotFound`` when it is gone.
    """
    with database.atomic():
        for _ in range(MOST_TRIES):
            found = _read(job.id)
            if expected is not None and found.priority not in (expected, value):
                raise PriorityClash(_who(job, found.priority), found.priority)
            if _write(found, value):
                _note(actor, job, found.priority, value, now)
                return int(found.priority)
    raise Conflict("The job changes too quickly; try again")


def _read(job_id: str) -> Any:
    row: Any = (
        JobRow.select(JobRow.id, JobRow.state, JobRow.priority, JobRow.priority_edits)
        .where(JobRow.id == job_id)
        .first()
    )
    if row is None:
        raise NotFound("There is no such job")
    if JobState(row.state) in TERMINAL:
        raise Conflict(f"The job is {row.state}; its priority no longer matters")
    return row


def _write(found: Any, value: int) -> bool:
    """False when somebody has changed the priority, or the state, since it was read."""
    return bool(
        JobRow.update(priority=value, priority_edits=found.priority_edits + 1)
        .where(
            JobRow.id == found.id,
            JobRow.state == found.state,
            JobRow.priority_edits == found.priority_edits,
        )
        .execute()
    )


def _note(actor: Actor, job: Job, was: int, value: int, now: datetime) -> None:
    if actor.user_id == job.user_id:
        return
    whose = {"name": job.spec.name, "user": job.username}
    before, after = {"priority": was}, {**whose, "priority": value}
    audit.record(actor, ACTION, "job", job.id, at=now, before=before, after=after)


def _who(job: Job, value: int) -> str:
    """Who made it ``value``: who did so last according to the audit log, else the owner."""
    entry = (
        AuditRow.select(AuditRow.actor, AuditRow.after)
        .where(AuditRow.object_type == "job", AuditRow.object == job.id, AuditRow.action == ACTION)
        .order_by(AuditRow.id.desc())
        .first()
    )
    made = entry is not None and (entry.after or {}).get("priority") == value
    return str(entry.actor) if made else job.username
