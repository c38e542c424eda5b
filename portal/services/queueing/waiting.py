"""Why jobs wait, as one reader may know it.

What the last scheduling pass noted is enough for lists, beside the place that a job has now.
Who looks at one job gets the planner's answer of this moment, so that a reason never outlives
its cause; it comes from the function that also answers for a job that is not yet submitted.
Names of other jobs show only to those who may see them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from portal.domain import reason as reasons
from portal.domain.job_state import JobState
from portal.domain.permission import Actor, may_see_job
from portal.domain.planning import Waiting
from portal.domain.planning import remedy as remedy_of
from portal.domain.reason import Reason
from portal.models import JobRow
from portal.services.queueing import board, places
from portal.services.queueing.outlook import Outlooks

HIDDEN_JOB = "another job"
"""Stands for the name of a job that the reader may not see."""
OTHER_JOB = {"held_back": ("for_job", "for_job"), "preempted": ("by", "by_job")}
"""By code of a reason: the number that names another job, and the one that has its id."""


def outlook(outlooks: Outlooks, job: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a queued job as of now.

    ``reason``, ``queue_position``, ``ahead``, ``remedy``, ``checks``, ``lead_priority``.

    A job that nothing keeps any more waits for the next pass only. On a cluster too large to
    plan in a request what the last pass noted is answered.
    """
    fresh, standing = outlooks.explain(job["id"])
    noted: dict[str, Any]
    if isinstance(fresh, Waiting):
        noted = {
            "reason": fresh.reason.dump(),
            "queue_position": fresh.position,
            "ahead": list(fresh.ahead),
        }
    elif fresh is not None:
        noted = {"reason": Reason("new").dump(), "queue_position": None, "ahead": []}
    else:
        noted = {**noted_of([job])[job["id"]], "ahead": []}
    reason = reasons.load(noted["reason"])
    return {
        **noted,
        "remedy": remedy_of(reason) if reason else None,
        "checks": [
            {"name": check.name, "blocks": check.blocks, **check.numbers}
            for check in standing.checks
        ],
        "lead_priority": standing.lead_priority,
    }


def tell(jobs: Sequence[dict[str, Any]]) -> None:
    """Give the waiting ones among ``jobs`` of a list their reason and their place."""
    noted = noted_of([job for job in jobs if is_waiting(job)])
    for job in jobs:
        job.update(noted.get(job["id"], {}))


def noted_of(jobs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By id what the last pass says of waiting jobs, and where they stand now.

    Two queries for a page of a list; they have the names of the API.
    """
    if not jobs:
        return {}
    notes = board.read()
    standing = places.positions([_place(job) for job in jobs], notes.barred)
    return {
        job["id"]: {
            "reason": board.reason_of(job, notes),
            "queue_position": standing[job["id"]],
        }
        for job in jobs
    }


def _place(job: Mapping[str, Any]) -> places.Place:
    kind = job["device_type"] if job["devices"] else None
    submitted_at = datetime.fromisoformat(job["submitted_at"])
    rank = (job["preemptible"], job["priority"], submitted_at)
    return places.Place(job["id"], job["vc"], kind, *rank)


def for_reader(actor: Actor, shown: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Jobs or events with other jobs' names only where ``actor`` may see them; one query."""
    named = [(item, place) for item in shown if (place := _other(item)) is not None]
    ids = {other for _, (_, other) in named}
    ids.update(other for item in shown for other in item.get("ahead") or ())
    if not ids:
        return shown
    visible = _visible(actor, ids)
    for item, (key, other) in named:
        numbers = {**item["reason"], key: visible.get(other, HIDDEN_JOB)}
        reason = reasons.load(numbers)
        item["reason"] = reason.dump() if reason else None
    for item in shown:
        if item.get("ahead"):
            item["ahead"] = [other for other in item["ahead"] if other in visible]
    return shown


def told_of(actor: Actor, found: Waiting) -> tuple[Reason, tuple[str, ...]]:
    """Reason and jobs ahead that are kept nowhere (of a preview), as ``actor`` may know them."""
    shown = {"reason": found.reason.dump(), "ahead": list(found.ahead)}
    told = for_reader(actor, [shown])[0]
    return reasons.load(told["reason"]) or found.reason, tuple(told["ahead"])


def _other(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """The number of the item's reason that names another job, and that job's id."""
    reason = item.get("reason") or {}
    keys = OTHER_JOB.get(str(reason.get("code")))
    if keys is None or keys[1] not in reason:
        return None
    return keys[0], str(reason[keys[1]])


def _visible(actor: Actor, ids: Iterable[str]) -> dict[str, str]:
    """Names of those that the actor may see, by id."""
    rows: Any = (
        JobRow.select(JobRow.id, JobRow.name, JobRow.user_id)
        .where(JobRow.id.in_(list(ids)))
        .tuples()
    )
    return {job_id: name for job_id, name, owner in rows if may_see_job(actor, owner)}


def is_waiting(job: Mapping[str, Any]) -> bool:
    """Whether it stands in the queue."""
    return bool(job["status"] == JobState.QUEUED.value)
