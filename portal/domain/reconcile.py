"""What to do next for a job, given what its cluster shows. Pure; the services do it.

``reconcile`` looks at one job and one observation and returns the actions in order. Asking
again after any of them was done, or after a crash between two of them, leads to the same
end: every action is guarded or repeatable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from portal.domain.job import MAX_PLATFORM_RETRIES, Job
from portal.domain.job_state import STOPPING, TERMINAL, JobState, Trigger
from portal.domain.launch import Observed, ReplicaPhase, ReplicaStatus
from portal.domain.reason import Reason

FORCE_AFTER_S = 15
"""So long after the grace period a job that will not go is taken away by force."""
FATAL_CODES = frozenset({"image_pull", "refused", "start_error"})
"""A replica with one of these will never run."""
UNCOUNTED_CODES = frozenset({"runtime_stopped", "unschedulable"})
"""Losses that are nobody's fault and do not use up the platform's retries."""
LAUNCH_TRIES = 3
"""So many starts at least fail before devices are released."""
BACK_OFF_S = (0, 5, 15, 30, 60)
"""Wait before the next start after so many failed or lost ones."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings that the decisions need (seconds)."""

    unschedulable_after_s: int = 60
    launch_patience_s: int = 120
    """So long devices are kept for a job whose start fails and is tried again."""


@dataclass(frozen=True, slots=True)
class Move:
    """Take ``trigger``; the fields are written with it."""

    trigger: Trigger
    reason: Reason | None = None
    exit_code: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    count_retry: bool = False
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Launch the present attempt."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask everything of the attempt to end within ``grace_s`` seconds."""

    grace_s: int


@dataclass(frozen=True, slots=True)
class Clear:
    """Keep the logs, then take away what is left of the attempt."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Nothing is left: the devices are free."""


_NEVER = datetime.max.replace(tzinfo=UTC)

Action = Move | Start | Stop | Clear | Release


def reconcile(job: Job, observed: Observed, now: datetime, limits: Limits) -> tuple[Action, ...]:
    """The actions that bring ``job`` and its cluster together."""
    if job.state in TERMINAL:
        return _after_the_end(job, observed)
    if job.state in STOPPING:
        return _stopping(job, observed, now)
    if job.state is JobState.SCHEDULING and job.launched_at is None:
        return (Start(),)
    if job.state in (JobState.SCHEDULING, JobState.RUNNING):
        return _watching(job, observed, now, limits)
    return ()


def _after_the_end(job: Job, observed: Observed) -> tuple[Action, ...]:
    if job.released:
        return ()
    return (Release(),) if observed.gone else (Clear(),)


def _stopping(job: Job, observed: Observed, now: datetime) -> tuple[Action, ...]:
    if job.state is not JobState.KILLING and _was_done(job, observed.replicas):
        begun = max((r.started_at for r in observed.replicas if r.started_at), default=None)
        done = _success(observed.replicas, now)
        return (done if job.started_at else replace(done, started_at=begun or now),)
    if observed.gone:
        return (Move(Trigger.STOPPED),)
    if job.stop_requested_at is None:
        return (Stop(job.stop_grace_s),)
    ended = all(_ended(replica) for replica in observed.replicas)
    deadline = job.stop_requested_at + timedelta(seconds=job.stop_grace_s + FORCE_AFTER_S)
    lost = any(replica.phase is ReplicaPhase.LOST for replica in observed.replicas)
    if ended or lost or now >= deadline:
        return (Clear(force=lost or now >= deadline),)
    return ()


def _was_done(job: Job, replicas: tuple[ReplicaStatus, ...]) -> bool:
    """Whether the command had ended with 0 before its end was asked for.

    Our own note of the request has a say, too: it may be younger than the request, never
    older, and what ended after it was told to.
    """
    if not replicas or len(replicas) < len(job.placement):
        return False
    asked_at = job.stop_requested_at or _NEVER
    return all(
        replica.phase is ReplicaPhase.SUCCEEDED
        and not replica.signalled
        and (replica.finished_at is None or replica.finished_at < asked_at)
        for replica in replicas
        if not replica.serves
    )


def _success(replicas: tuple[ReplicaStatus, ...], now: datetime) -> Move:
    end = max((r.finished_at for r in replicas if r.finished_at), default=now)
    reason = Reason("exit_code", {"exit_code": 0})
    return Move(Trigger.SUCCEEDED, reason, exit_code=0, finished_at=end)


def _ended(replica: ReplicaStatus) -> bool:
    return replica.phase in (ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED)


def _is_lost(replica: ReplicaStatus) -> bool:
    """Lost, or being deleted by somebody else (its exit code then says nothing).

    A command that was asked to end and ends with 0 has saved its work, not done it.
    """
    deleted = replica.stopping and replica.phase is not ReplicaPhase.SUCCEEDED
    return replica.phase is ReplicaPhase.LOST or deleted or replica.signalled


def _watching(job: Job, observed: Observed, now: datetime, limits: Limits) -> tuple[Action, ...]:
    replicas = observed.replicas
    fatal = _first(replicas, lambda r: r.code in FATAL_CODES)
    if fatal is not None:
        return (Move(Trigger.PLATFORM_FAILED, _fatal_reason(job, fatal), finished_at=now),)
    lost = _first(replicas, _is_lost)
    if lost is not None or len(replicas) < len(job.placement):
        return (requeue(job, _lost_reason(lost), now),)
    failed = _first(replicas, lambda r: r.phase is ReplicaPhase.FAILED)
    if failed is not None:
        return (*_begin(job, replicas, now), _failure(failed, now))
    if all(r.phase is ReplicaPhase.SUCCEEDED for r in replicas if not r.serves):
        return (*_begin(job, replicas, now), _success(replicas, now))
    if all(r.phase is ReplicaPhase.RUNNING or _ended(r) for r in replicas):
        return _begin(job, replicas, now)
    return _not_yet(job, replicas, now, limits)


def _begin(job: Job, replicas: tuple[ReplicaStatus, ...], now: datetime) -> tuple[Move, ...]:
    """The move to running, unless that was seen before."""
    if job.state is JobState.RUNNING:
        return ()
    started = max((r.started_at for r in replicas if r.started_at), default=now)
    return (Move(Trigger.STARTED, started_at=started),)


def _failure(failed: ReplicaStatus, now: datetime) -> Move:
    code = "out_of_memory" if failed.code == "out_of_memory" else "exit_code"
    numbers = {"exit_code": failed.exit_code, "replica": failed.name}
    return Move(
        Trigger.COMMAND_FAILED,
        Reason(code, numbers),
        exit_code=failed.exit_code,
        finished_at=failed.finished_at or now,
    )


def _not_yet(
    job: Job, replicas: tuple[ReplicaStatus, ...], now: datetime, limits: Limits
) -> tuple[Action, ...]:
    """Some replica is still pending; give up when the cluster cannot place it."""
    unplaced = _first(replicas, lambda r: r.code == "unschedulable")
    since = job.launched_at or now
    if unplaced is None or now < since + timedelta(seconds=limits.unschedulable_after_s):
        return ()
    return (requeue(job, Reason("unschedulable", {"detail": unplaced.detail}), now),)


def requeue(job: Job, reason: Reason, now: datetime) -> Move:
    """Back to the queue, or to ``error`` when the platform has lost the job too often."""
    counted = reason.code not in UNCOUNTED_CODES
    if counted and job.retries >= MAX_PLATFORM_RETRIES:
        numbers = {"retries": job.retries + 1, "detail": reason.message}
        return Move(Trigger.PLATFORM_FAILED, Reason("lost_too_often", numbers), finished_at=now)
    wait_s = back_off_s(job.retries) if counted else 0
    if reason.code == "unschedulable":
        wait_s = BACK_OFF_S[-1]
    return Move(
        Trigger.REQUEUE,
        reason,
        count_retry=counted,
        not_before=now + timedelta(seconds=wait_s) if wait_s else None,
    )


def launch_failed(job: Job, reason: Reason, now: datetime, limits: Limits) -> Move | None:
    """Back to the queue when its devices were kept long enough for a start that always fails.

    ``None``: it is tried again in its place. The loss is nobody's fault and is not counted.
    """
    since = job.admitted_at or now
    patience = timedelta(seconds=limits.launch_patience_s)
    if job.launch_tries + 1 < LAUNCH_TRIES or now < since + patience:
        return None
    return Move(Trigger.REQUEUE, reason, not_before=now + timedelta(seconds=BACK_OFF_S[-1]))


def back_off_s(tries: int) -> int:
    """Seconds to wait after ``tries`` earlier failures."""
    return BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)]


def _fatal_reason(job: Job, replica: ReplicaStatus) -> Reason:
    numbers = {"detail": replica.detail, "replica": replica.name}
    if replica.code == "image_pull":
        numbers["image"] = job.spec.image
    return Reason(replica.code or "start_error", numbers)


def _lost_reason(replica: ReplicaStatus | None) -> Reason:
    if replica is None:
        return Reason("replica_lost", {"replica": "a replica", "detail": "it is gone"})
    if replica.code == "node_lost":
        return Reason("node_lost", {"node": replica.node, "replica": replica.name})
    if replica.code in UNCOUNTED_CODES:
        return Reason(replica.code or "", {"detail": replica.detail})
    detail = replica.detail or "it was deleted"
    return Reason("replica_lost", {"replica": replica.name, "detail": detail})


def _first(
    replicas: tuple[ReplicaStatus, ...], wanted: Callable[[ReplicaStatus], bool]
) -> ReplicaStatus | None:
    """The first such replica: the earliest ended, then by name."""
    found = [replica for replica in replicas if wanted(replica)]
    found.sort(key=lambda r: (r.finished_at or _NEVER, r.name))
    return found[0] if found else None
