"""A job before it is stored: its value, what it asks of the planner, a place to show it in."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from portal.domain.job import Job
from portal.domain.job_state import JobState
from portal.domain.permission import Actor
from portal.domain.planning import Demand
from portal.domain.reason import Reason
from portal.domain.resources import Slot


def new_job(actor: Actor, spec: Any, now: datetime) -> Job:
    """The job of a submission that was checked, queued as of ``now``."""
    return Job(
        id=str(uuid.uuid4()),
        user_id=actor.user_id,
        username=actor.username,
        spec=spec,
        state=JobState.QUEUED,
        version=1,
        attempt=0,
        retries=0,
        submitted_at=now,
        waiting_since=now,
        reason=Reason("new"),
    )


def demand_of(job: Job) -> Demand:
    """What the job asks of the planner."""
    spec = job.spec
    return Demand(
        job_id=job.id,
        name=spec.name,
        vc=spec.vc,
        user=job.username,
        device_type=spec.device_type,
        devices=spec.devices,
        replicas=spec.nodes,
        preemptible=spec.preemptible,
        priority=spec.priority,
        submitted_at=job.submitted_at,
        waiting_since=job.waiting_since,
    )


def anywhere(job: Job) -> tuple[Slot, ...]:
    """A stand-in for the place that a waiting job will get, to show its objects."""
    devices = tuple(range(job.spec.devices))
    return tuple(Slot("<node>", devices) for _ in range(job.spec.nodes))
