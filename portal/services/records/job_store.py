"""Jobs in the database: rows to values, and the one guarded write that changes a state.

Every change of state is ``UPDATE … WHERE id AND state AND version`` with its event row in
the same transaction. No row changed means that somebody was first: the caller looks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from portal.domain.job import Job, JobSpec, MountChoice
from portal.domain.job_state import TERMINAL, JobState, Trigger, allows, next_state
from portal.domain.launch import Observed, ReplicaPhase
from portal.domain.reason import LAUNCH_TROUBLE, Reason
from portal.domain.reason import load as load_reason
from portal.domain.resources import Placement, load_placement
from portal.models import JobEventRow, JobRow, JobSecretRow, ReplicaRow
from portal.models.db import database
from portal.services.records import allocations


def dump_spec(spec: JobSpec) -> dict[str, Any]:
    """The parts of a spec that have no column of their own."""
    return {
        "interactive_ports": list(spec.interactive_ports),
        "endpoints": list(spec.endpoints),
        "mounts": {
            name: {"enabled": choice.enabled, "sub_path": choice.sub_path}
            for name, choice in spec.mounts.items()
        },
        "env": dict(spec.env),
        "secret_env": list(spec.secret_env),
        "extra": dict(spec.extra),
    }


def load_spec(row: JobRow) -> JobSpec:
    """The spec of a row."""
    rest = row.spec
    return JobSpec(
        name=row.name,
        vc=row.vc,
        kind=row.kind,
        image=row.image,
        command=row.command,
        device_type=row.device_type,
        devices=row.devices,
        nodes=row.nodes,
        preemptible=row.preemptible,
        priority=row.priority,
        interactive_ports=tuple(rest["interactive_ports"]),
        endpoints=tuple(rest["endpoints"]),
        mounts={name: MountChoice(**choice) for name, choice in rest["mounts"].items()},
        env=rest["env"],
        secret_env=tuple(rest.get("secret_env", ())),
        extra=rest["extra"],
    )


def load_job(row: JobRow) -> Job:
    """The value of a row."""
    return Job(
        id=row.id,
        user_id=row.user_id,
        username=row.username,
        spec=load_spec(row),
        state=JobState(row.state),
        version=row.version,
        attempt=row.attempt,
        retries=row.retries,
        submitted_at=row.submitted_at,
        waiting_since=row.waiting_since,
        placement=load_placement(row.placement),
        reason=load_reason(row.reason),
        exit_code=row.exit_code,
        admitted_at=row.admitted_at,
        launched_at=row.launched_at,
        launch_tries=row.launch_tries,
        not_before=row.not_before,
        started_at=row.started_at,
        finished_at=row.finished_at,
        stop_requested_at=row.stop_requested_at,
        stop_grace_s=row.stop_grace_s,
        released=row.released,
    )


def fetch(job_id: str) -> Job | None:
    """The job, or ``None``."""
    row = JobRow.get_or_none(JobRow.id == job_id)
    return None if row is None else load_job(row)


def fetch_many(job_ids: Iterable[str]) -> dict[str, Job]:
    """The jobs that exist among ``job_ids``, in one query."""
    rows = JobRow.select().where(JobRow.id.in_(list(job_ids)))
    return {row.id: load_job(row) for row in rows}


def insert(job: Job, sealed_registry: str | None, actor: str) -> None:
    """Write a new job with its first event, in one transaction."""
    with database.atomic():
        JobRow.insert(
            id=job.id,
            user_id=job.user_id,
            username=job.username,
            name=job.spec.name,
            vc=job.spec.vc,
            kind=job.spec.kind,
            device_type=job.spec.device_type,
            devices=job.spec.devices,
            nodes=job.spec.nodes,
            preemptible=job.spec.preemptible,
            priority=job.spec.priority,
            image=job.spec.image,
            command=job.spec.command,
            spec=dump_spec(job.spec),
            state=job.state.value,
            reason=job.reason.dump() if job.reason else None,
            submitted_at=job.submitted_at,
            waiting_since=job.waiting_since,
        ).execute()
        if sealed_registry is not None:
            JobSecretRow.insert(job=job.id, sealed=sealed_registry).execute()
        _event(job.id, job.submitted_at, None, job.state, None, actor)


def transition(
    job: Job,
    trigger: Trigger,
    now: datetime,
    *,
    reason: Reason | None,
    actor: str | None = None,
    **columns: Any,
) -> bool:
    """Take ``trigger``; False when the job was no longer as ``job`` has it.

    ``columns`` are written in the same statement. Raises ``IllegalTransition`` when the
    state does not allow the trigger. ``actor`` is the user, ``None`` for the platform.
    """
    target = next_state(job.state, trigger)
    changes = {
        **_columns_of(trigger, target, now),
        **columns,
        "state": target.value,
        "version": job.version + 1,
        "reason": reason.dump() if reason else None,
    }
    with database.atomic():
        changed = (
            JobRow.update(**changes)
            .where(
                JobRow.id == job.id,
                JobRow.state == job.state.value,
                JobRow.version == job.version,
            )
            .execute()
        )
        if not changed:
            return False
        if target in TERMINAL:
            JobSecretRow.delete().where(JobSecretRow.job == job.id).execute()
        if trigger is Trigger.ADMIT:
            allocations.begin(job, job.attempt + 1, now)
        elif trigger is Trigger.STOPPED:
            allocations.end(job.id, now)
        _event(job.id, now, job.state, target, reason, actor)
    return True


def finish_stop(job_id: str, now: datetime) -> bool:
    """Take the last step of a stop when nothing of the job is on the cluster; whether it was.

    Called in the transaction of the step before it, so that no job is left between the two.
    """
    job = fetch(job_id)
    if job is None or not job.released or not allows(job.state, Trigger.STOPPED):
        return False
    return transition(job, Trigger.STOPPED, now, reason=reason_stopped(job))


def reason_stopped(job: Job) -> Reason | None:
    """What a job that has stopped says: who back in the queue has had trouble, still says it."""
    troubled = job.reason is not None and job.reason.code in LAUNCH_TROUBLE
    if job.state is JobState.PREEMPTING and not troubled:
        return Reason("new")
    return job.reason


def release(job: Job, now: datetime) -> bool:
    """Nothing of an ended job is left on the cluster: its devices are free from now on."""
    with database.atomic():
        if not note(job, released=True):
            return False
        allocations.end(job.id, now)
    return True


def _columns_of(trigger: Trigger, target: JobState, now: datetime) -> dict[str, Any]:
    """What a transition always writes beside the state."""
    if trigger is Trigger.ADMIT:
        return {
            "attempt": JobRow.attempt + 1,
            "admitted_at": now,
            "launched_at": None,
            "launch_tries": 0,
            "started_at": None,
            "stop_requested_at": None,
            "not_before": None,
            "reserved": None,
            "released": False,
        }
    if trigger in (Trigger.PAUSE, Trigger.KILL, Trigger.REQUEUE):
        return {"stop_requested_at": None, "reserved": None}
    if trigger is Trigger.STOPPED:
        columns: dict[str, Any] = {"released": True, "placement": None}
        if target is JobState.QUEUED:
            columns.update(waiting_since=now, started_at=None, finished_at=None)
        elif target is JobState.KILLED:
            columns.update(finished_at=now)
        return columns
    if trigger is Trigger.RESUME:
        return {"waiting_since": now, "not_before": None, "retries": 0}
    if trigger is Trigger.PLATFORM_FAILED:
        return {"finished_at": now}
    return {}


def _event(
    job_id: str,
    at: datetime,
    source: JobState | None,
    target: JobState,
    reason: Reason | None,
    actor: str | None,
) -> None:
    JobEventRow.insert(
        job=job_id,
        at=at,
        from_state=source.value if source else None,
        to_state=target.value,
        reason=reason.dump() if reason else None,
        actor=actor,
    ).execute()


def note(job: Job, **columns: Any) -> bool:
    """Write columns that are no change of state, if the job is still as ``job`` has it."""
    return bool(
        JobRow.update(**columns)
        .where(JobRow.id == job.id, JobRow.state == job.state.value, JobRow.version == job.version)
        .execute()
    )


def save_replicas(observed: Observed) -> bool:
    """Keep what the cluster says of the replicas; True when anything is new.

    Replicas that have left the cluster keep their last row: the pages still show them. One that
    has ended does not run again in its attempt: who says so saw it earlier.
    """
    ref = observed.ref
    known: dict[str, Any] = {
        row["name"]: row  # type: ignore[index]
        for row in ReplicaRow.select()
        .where(ReplicaRow.job == ref.job_id, ReplicaRow.attempt == ref.attempt)
        .dicts()
    }
    fresh: list[dict[str, Any]] = []
    for replica in observed.replicas:
        values: dict[str, Any] = {
            "job": ref.job_id,
            "attempt": ref.attempt,
            "name": replica.name,
            "phase": replica.phase.value,
            "node": replica.node,
            "address": replica.address,
            "exit_code": replica.exit_code,
            "code": replica.code,
            "detail": replica.detail,
            "started_at": replica.started_at,
            "finished_at": replica.finished_at,
        }
        before = known.get(replica.name)
        if before != values and not (before and _is_older(values["phase"], before["phase"])):
            fresh.append(values)
    for row in fresh:
        _upsert(row)
    return bool(fresh)


_BEGUN = frozenset({ReplicaPhase.PENDING, ReplicaPhase.RUNNING})
_ENDED = frozenset({ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED})


def _is_older(phase: str, kept: str) -> bool:
    return phase in _BEGUN and kept in _ENDED


def _upsert(values: Mapping[str, Any]) -> None:
    keys = ("job", "attempt", "name")
    newer = ReplicaRow.phase.not_in(sorted(_ENDED)) if values["phase"] in _BEGUN else None
    ReplicaRow.insert(**values).on_conflict(
        conflict_target=[getattr(ReplicaRow, key) for key in keys],
        update={name: value for name, value in values.items() if name not in keys},
        where=newer,
    ).execute()


def with_placement(job: Job, placement: Placement) -> Job:
    """The job as it would be once admitted to ``placement`` (for previews)."""
    return replace(job, placement=placement, attempt=job.attempt + 1)
