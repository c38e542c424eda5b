"""The change of a job's priority. That of somebody else's job is in the audit log."""

from __future__ import annotations

from datetime import datetime

from portal.domain.errors import PriorityClash
from portal.domain.job import Job
from portal.domain.permission import Actor
from portal.models import AuditRow, JobRow
from portal.models.db import database
from portal.services.records import audit

ACTION = "job.priority"


def change(actor: Actor, job: Job, value: int, expected: int | None, now: datetime) -> int:
    """Write it and say what it was.

    Raises ``PriorityClash`` when it is neither ``expected`` nor ``value`` already.
    """
    with database.atomic():
        found: int = JobRow.select(JobRow.priority).where(JobRow.id == job.id).scalar()
        if expected is not None and found not in (expected, value):
            raise PriorityClash(_who(job, found), found)
        edits = JobRow.priority_edits + 1
        JobRow.update(priority=value, priority_edits=edits).where(JobRow.id == job.id).execute()
        if actor.user_id == job.user_id:
            return found
        whose = {"name": job.spec.name, "user": job.username}
        before, after = {"priority": found}, {**whose, "priority": value}
        audit.record(actor, ACTION, "job", job.id, at=now, before=before, after=after)
    return found


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
