"""Drives one job: looks at it and its cluster, and does what ``reconcile`` says.

``drive`` may be called at any time, any number of times, by several workers at once: every
change of state is guarded, every outside action can be repeated. The watch calls
``observed``, which only writes; outside actions it leaves to a worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from portal.domain.errors import NotKnownYet, PermanentFailure, PluginSlow, TemporaryFailure
from portal.domain.job import Job
from portal.domain.job_state import HOLDING, JobState, Trigger
from portal.domain.launch import Observed
from portal.domain.reason import Reason
from portal.domain.reconcile import (
    Action,
    Clear,
    Limits,
    Move,
    Release,
    Start,
    Stop,
    launch_failed,
    reconcile,
)
from portal.models import JobSecretRow
from portal.ports import Cluster, Events, Queue
from portal.services.logs.keeper import LogKeeper
from portal.services.logs.room import NO_ROOM
from portal.services.records import job_store
from portal.services.records.vault import Vault
from portal.services.running import launching
from portal.services.running import stop_notice as notice
from portal.spi.registry import Registry

log = logging.getLogger(__name__)
SLOW_TRIES = 3
"""So often a plugin may be too slow for a job before the job ends."""
MAX_STEPS = 8
"""Steps that one call of ``drive`` takes at most; the ticks go on from there."""


class Driver:
    """Brings jobs and their cluster together."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        queue: Queue,
        events: Events,
        registry: Registry,
        vault: Vault,
        logs: LogKeeper,
        storage_root: str,
        limits: Limits,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._events = events
        self._registry = registry
        self._vault = vault
        self._logs = logs
        self._storage_root = storage_root
        self._limits = limits
        self._clock = clock

    def drive(self, job_id: str) -> None:
        """Take steps until there is nothing to do now.

        Raises ``TemporaryFailure`` when the cluster does not answer; the ticks come back.
        """
        for _ in range(MAX_STEPS):
            job = job_store.fetch(job_id)
            if job is None or job.released:
                return
            observed = self._look(job)
            actions = reconcile(job, observed, self._clock(), self._limits)
            if not actions or not self._apply(job, observed, actions):
                return

    def _look(self, job: Job) -> Observed:
        """What the cluster has of the job; an attempt not yet launched needs no question."""
        if job.state is JobState.SCHEDULING and job.launched_at is None:
            return Observed(job.ref)
        observed = self._cluster.observe(job.ref)
        job_store.save_replicas(observed)
        return observed

    def observed(self, observed: Observed) -> None:
        """Take in what the watch reports of one attempt.

        The watch may lag behind, so what it does not show proves nothing: a conclusion
        that is drawn from absence is left to ``drive``, which asks the cluster itself.
        """
        job = job_store.fetch(observed.ref.job_id)
        if job is None or job.attempt != observed.ref.attempt:
            if not observed.gone:
                self._queue.enqueue("sweep", str(observed.ref.job_id), str(observed.ref.attempt))
            return
        if job_store.save_replicas(observed):
            self._tell(job.id, job.state)
        if job.released or job.launched_at is None:
            return
        for action in reconcile(job, observed, self._clock(), self._limits):
            moved = None
            if isinstance(action, Move) and self._only_writes(job, observed, action):
                moved = self._move(job, action)
            if moved is None:
                self._queue.enqueue("drive", job.id, key=f"drive-{job.id}")
                return
            job = moved
        if not job.released and job.state not in HOLDING:
            self._queue.enqueue("drive", job.id, key=f"drive-{job.id}")

    def _only_writes(self, job: Job, observed: Observed, move: Move) -> bool:
        """Whether the move needs no question and no action outside."""
        if move.trigger is not Trigger.STARTED:
            return move.trigger is not Trigger.REQUEUE
        try:
            return not launching.late_files(job, observed, self._cluster, self._registry)
        except (NotKnownYet, PermanentFailure, PluginSlow):
            return False

    def sweep(self, observed: Observed) -> None:
        """Take an attempt off the cluster that no job owns any more."""
        job = job_store.fetch(observed.ref.job_id)
        if job is not None and job.attempt == observed.ref.attempt and not job.released:
            return
        log.warning("sweeping %s: no job owns it", observed.ref)
        self._cluster.remove(observed.ref, force=True)

    def _apply(self, job: Job, observed: Observed, actions: tuple[Action, ...]) -> bool:
        """Do the actions in order; False when there is nothing to look at again now."""
        current = job
        for action in actions:
            if isinstance(action, Move):
                move = self._handed_out(current, observed, action)
                if move is None:
                    return False
                moved = self._move(current, move)
                if moved is None:
                    return True  # somebody was first: look again
                current = moved
            elif isinstance(action, Start):
                return self._start(current)
            elif isinstance(action, Stop):
                notice.give(current, self._storage_root, self._clock())
                self._cluster.stop(current.ref, action.grace_s)
                return job_store.note(current, stop_requested_at=self._clock())
            elif isinstance(action, Clear):
                self._keep_output(current, observed)
                self._cluster.remove(current.ref, force=action.force)
            elif isinstance(action, Release):
                self._release(current)
                return False
        return True

    def _move(self, job: Job, move: Any) -> Job | None:
        """Take a transition; the job after it, ``None`` when somebody else was at work.

        Also when somebody went on from there: what was concluded for this state, of this
        attempt, must not be applied to a later one.
        """
        columns: dict[str, Any] = {}
        for name in ("exit_code", "started_at", "finished_at", "not_before"):
            if getattr(move, name) is not None:
                columns[name] = getattr(move, name)
        if move.count_retry:
            columns["retries"] = job.retries + 1
        reason = move.reason
        if move.trigger is Trigger.STOPPED:
            reason = job_store.reason_stopped(job)
        moved = job_store.transition(
            job, move.trigger, self._clock(), reason=reason, actor=None, **columns
        )
        if not moved:
            return None
        self._after(job.id, move.trigger)
        fresh = job_store.fetch(job.id)
        return fresh if fresh is not None and fresh.version == job.version + 1 else None

    def _after(self, job_id: str, trigger: Trigger) -> None:
        self._tell(job_id, None)
        if trigger is Trigger.STOPPED:
            self._queue.enqueue("admit", key="admit")

    def _tell(self, job_id: str, state: JobState | None) -> None:
        self._events.publish("job", job_id, **({"state": state.value} if state else {}))

    def _handed_out(self, job: Job, observed: Observed, move: Move) -> Move | None:
        """Give the replicas what they must know of each other before the job counts as running.

        ``None``: not everything is known yet; the watch or the next full pass comes back.
        """
        if move.trigger is not Trigger.STARTED:
            return move
        try:
            files = launching.late_files(job, observed, self._cluster, self._registry)
            if files:
                self._cluster.publish(job.ref, files)
        except (NotKnownYet, PluginSlow) as missing:
            now = self._clock()
            patience = timedelta(seconds=self._limits.unschedulable_after_s)
            if now < (move.started_at or now) + patience:
                return None
            reason = Reason("start_error", {"detail": missing.message})
            return Move(Trigger.PLATFORM_FAILED, reason, finished_at=now)
        except PermanentFailure as failure:
            reason = Reason("refused", {"detail": failure.message})
            return Move(Trigger.PLATFORM_FAILED, reason, finished_at=self._clock())
        except TemporaryFailure as failure:
            back = launch_failed(job, _trouble(job, failure), self._clock(), self._limits)
            if back is None or not self._cluster_answers():
                job_store.note(job, launch_tries=job.launch_tries + 1)
                raise
            return back
        return move

    def _keep_output(self, job: Job, observed: Observed) -> None:
        """Keep what the replicas have printed; where there is no room, the job says so.

        It must not hold its devices until somebody makes room.
        """
        try:
            self._logs.keep(job.ref, [replica.name for replica in observed.replicas])
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            lost = True
        else:
            lost = self._logs.is_full()
        if lost:
            log.error("no room for the output of %s: the log folder is full", job.ref)
            job_store.note(job, output_lost=job.attempt)

    def _start(self, job: Job) -> bool:
        try:
            launch = launching.build(
                job, self._cluster, self._registry, self._storage_root, self._login(job.id)
            )
            self._cluster.launch(launch)
        except PermanentFailure as failure:
            # What was made before the refusal (a Secret) is not reported by any replica.
            self._cluster.remove(job.ref, force=True)
            reason = Reason("refused", {"detail": failure.message})
            self._move(job, Move(Trigger.PLATFORM_FAILED, reason))
            return True
        except PluginSlow as slow:
            tries = job.launch_tries + 1
            if tries >= SLOW_TRIES:
                self._move(
                    job,
                    Move(Trigger.PLATFORM_FAILED, Reason("refused", {"detail": slow.message})),
                )
                return True
            reason = Reason("launch_waiting", {"tries": tries, "detail": slow.message})
            job_store.note(job, launch_tries=tries, reason=reason.dump())
            return False
        except TemporaryFailure as failure:
            return self._not_started(job, failure)
        if not job_store.note(job, launched_at=self._clock()):
            return self._started_too_late(job)
        return True

    def _not_started(self, job: Job, failure: TemporaryFailure) -> bool:
        """Try again in its place for a while, then give its devices to others.

        The cluster's absence is not the job's fault: it keeps its place, and the ticks try
        again until the cluster is back or the user gives up.
        """
        reason = _trouble(job, failure)
        back = launch_failed(job, reason, self._clock(), self._limits)
        if back is not None and self._cluster_answers():
            self._move(job, back)
            return True
        job_store.note(job, launch_tries=job.launch_tries + 1, reason=reason.dump())
        raise failure

    def _cluster_answers(self) -> bool:
        try:
            self._cluster.ping()
        except TemporaryFailure:
            return False
        return True

    def _started_too_late(self, job: Job) -> bool:
        """The job moved on while it was being launched: nothing of it may stay behind."""
        now_is = job_store.fetch(job.id)
        if now_is is None or now_is.attempt != job.attempt or now_is.released:
            self._cluster.remove(job.ref, force=True)
        return True

    def _login(self, job_id: str) -> Any:
        row = JobSecretRow.get_or_none(JobSecretRow.job == job_id)
        return self._vault.open(row.sealed) if row else None

    def _release(self, job: Job) -> None:
        if job_store.release(job, self._clock()):
            self._tell(job.id, job.state)
            self._queue.enqueue("admit", key="admit")


def _trouble(job: Job, failure: TemporaryFailure) -> Reason:
    numbers = {"tries": job.launch_tries + 1, "detail": failure.message}
    return Reason(failure.reason_code, numbers)
