"""The scheduling pass: a frozen snapshot of the cluster, the plan, and its enforcement.

A plan is put into force in one transaction that first moves the cluster's epoch on: of two
passes that looked at the same moment, one wins and the other is thrown away, so nothing is
ever given out twice.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.domain.job import Job
from portal.domain.job_state import JobState, Trigger
from portal.domain.planning import Admission, Plan, Preemption
from portal.domain.reason import Reason
from portal.domain.resources import dump_placement
from portal.models import JobRow
from portal.models.db import database
from portal.ports import Events, Queue
from portal.services.queueing import board, heads, plans
from portal.services.queueing.heads import Note
from portal.services.queueing.snapshots import Snapshots, Taken
from portal.services.records import inventory, job_store
from portal.services.vcs import reading as virtual_clusters

log = logging.getLogger(__name__)
MAX_CHANGES = 500
"""Admissions and preemptions put into force in one transaction; the next pass goes on."""
MAX_NOTES = 2000
"""Waiting jobs of which something holds for them alone, rewritten in one pass."""
_NOTHING = Note(board.NEW, None)


@dataclass(frozen=True, slots=True)
class PassResult:
    """What one pass did, for the log and the metrics."""

    admitted: int
    preempted: int
    waiting: int
    seconds: float


class Admitter:
    """Plans and admits."""

    def __init__(
        self,
        *,
        cluster_name: str,
        queue: Queue,
        events: Events,
        snapshots: Snapshots,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster_name = cluster_name
        self._queue = queue
        self._events = events
        self._snapshots = snapshots
        self._clock = clock

    def admit(self) -> PassResult:
        """One pass: take the snapshot, plan, put the plan into force."""
        begun = time.perf_counter()
        epoch = inventory.plan_epoch(self._cluster_name)
        with _no_collection():
            taken, made = plans.make(self._snapshots, self._clock())
        waiting = taken.waiting - len(made.admit)
        admitted = preempted = 0
        if made.admit or made.preempt:
            done = self._enforce(made, epoch)
            if done is None:
                # Nobody may read the reasons of a plan that was thrown away.
                return PassResult(0, 0, waiting, time.perf_counter() - begun)
            admitted, preempted = done
        if self._note_waiting(taken, made, waiting) or admitted:
            self._events.publish("queue", self._cluster_name, waiting=waiting)
        return PassResult(admitted, preempted, waiting, time.perf_counter() - begun)

    def _enforce(self, made: Plan, epoch: int) -> tuple[int, int] | None:
        """How many were admitted and preempted; ``None`` when another plan was first."""
        now = self._clock()
        admissions = made.admit[:MAX_CHANGES]
        preemptions = _whole_groups(made.preempt)
        ids = [a.job_id for a in admissions] + [p.job_id for p in preemptions]
        jobs = job_store.fetch_many([*ids, *(p.for_job_id for p in preemptions)])
        with database.atomic() as transaction:
            if not inventory.claim_epoch(self._cluster_name, epoch):
                transaction.rollback()
                self._queue.enqueue("admit", key="admit")
                return None
            started = [a.job_id for a in admissions if self._admit_one(jobs.get(a.job_id), a, now)]
            taken = [p.job_id for p in preemptions if self._preempt_one(jobs, p, now)]
        for job_id in (*started, *taken):
            self._queue.enqueue("drive", job_id, key=f"drive-{job_id}")
            self._events.publish("job", job_id)
        if len(admissions) < len(made.admit) or len(preemptions) < len(made.preempt):
            self._queue.enqueue("admit", key="admit")
        return len(started), len(taken)

    def _admit_one(self, job: Job | None, admission: Admission, now: datetime) -> bool:
        if job is None or job.state is not JobState.QUEUED:
            return False
        names = ", ".join(dict.fromkeys(slot.node for slot in admission.placement))
        return job_store.transition(
            job,
            Trigger.ADMIT,
            now,
            reason=Reason("starting", {"nodes": names}),
            placement=dump_placement(admission.placement),
        )

    def _preempt_one(self, jobs: dict[str, Job], preemption: Any, now: datetime) -> bool:
        job, by = jobs.get(preemption.job_id), jobs.get(preemption.for_job_id)
        if job is None or job.state not in (JobState.SCHEDULING, JobState.RUNNING):
            return False
        by_name = by.spec.name if by else preemption.for_job_id
        reason = Reason("preempted", {"by": by_name, "by_job": preemption.for_job_id})
        grace_s = virtual_clusters.preempt_grace_s(job.spec.vc)
        return job_store.transition(job, Trigger.REQUEUE, now, reason=reason, stop_grace_s=grace_s)

    def _note_waiting(self, taken: Taken, made: Plan, waiting: int) -> bool:
        """Keep why jobs wait, where that has changed; whether it has.

        What all that are alike wait for is one note, whatever their number.
        """
        wanted = {demand.job_id: demand for demand in taken.snapshot.waiting}
        own = dict.fromkeys(taken.noted.keys() & made.waiting.keys(), _NOTHING)
        for job_id, found in made.waiting.items():
            if taken.snapshot.bar_of(wanted[job_id]) is not None:
                # Told by their owner's note; the trouble is needed when the right returns.
                trouble = wanted[job_id].trouble
                own[job_id] = Note(trouble.dump() if trouble else board.NEW, None)
            elif made.refused.get(taken.snapshot.request_of(wanted[job_id])) != found.reason:
                own[job_id] = Note(found.reason.dump(), dump_placement(found.reserved) or None)
        changed = 0
        with database.atomic():
            fresh = board.write(made, taken.snapshot.barred, [waiting, heads.changes()])
            for job_id, note in own.items():
                if taken.noted.get(job_id, _NOTHING) == note:
                    continue
                if changed >= MAX_NOTES:
                    self._queue.enqueue("admit", key="admit")
                    break
                changed += 1
                JobRow.update(reason=note.reason, reserved=note.reserved).where(
                    JobRow.id == job_id,
                    JobRow.state == JobState.QUEUED.value,
                    # Not of a wait that began after the snapshot.
                    JobRow.waiting_since == wanted[job_id].waiting_since,
                ).execute()
        return bool(fresh or changed)


@contextmanager
def _no_collection() -> Iterator[None]:
    """A pass makes very many objects that all live to its end.

    Looking through them for cycles again and again costs a fifth of its time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _whole_groups(preemptions: tuple[Preemption, ...]) -> tuple[Preemption, ...]:
    """As many as one transaction takes, never half of what one job needs."""
    if len(preemptions) <= MAX_CHANGES:
        return preemptions
    cut = MAX_CHANGES
    while cut and preemptions[cut - 1].for_job_id == preemptions[cut].for_job_id:
        cut -= 1
    return preemptions[: cut or len(preemptions)]
