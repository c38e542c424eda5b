"""Jobs as the API and the pages show them. One query per list, whatever its length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portal.domain.job import Job, JobSpec
from portal.domain.moment import rfc3339
from portal.domain.secret_words import redacted
from portal.domain.storage_path import join, roots
from portal.models import JobEventRow, JobRow, ReplicaRow
from portal.services.records.job_store import dump_spec, load_spec


def dump(row: JobRow, storage_root: str, *, clear: bool = True) -> dict[str, Any]:
    """The whole job, by the names of the contract.

    ``clear`` is for its owner and who may manage it: for others secrets are redacted, and
    ``redacted`` names where.
    """
    spec = load_spec(row)
    folders = roots(storage_root, row.username, row.id, row.submitted_at)
    paths = {
        f"{name}_path": join(folders[name], choice.sub_path) if choice.enabled else None
        for name, choice in spec.mounts.items()
    }
    wished, hidden = (_wished(spec), []) if clear else redacted(_wished(spec))
    return {
        **summary(row),
        **wished,
        "redacted": hidden,
        **paths,
        "placement": row.placement or [],
        "ahead": [],
        "remedy": None,
        "checks": [],
        "lead_priority": None,
        "retries": row.retries,
        "released": row.released,
        "output_lost": bool(row.output_lost) and row.output_lost == row.attempt,
    }


def _wished(spec: JobSpec) -> dict[str, Any]:
    """The parts of a submission that lists do not show, as they were asked for."""
    rest = dump_spec(spec)
    extra = rest.pop("extra")
    return {"image": spec.image, "command": spec.command, **rest, **extra}


def summary(row: JobRow) -> dict[str, Any]:
    """What lists show; ``queueing.waiting`` gives those that wait their reason and place."""
    return {
        "id": row.id,
        "name": row.name,
        "user": row.username,
        "vc": row.vc,
        "kind": row.kind,
        "status": row.state,
        "reason": row.reason,
        "queue_position": None,
        "preemptible": row.preemptible,
        "priority": row.priority,
        "device_type": row.device_type,
        "devices": row.devices,
        "nodes": row.nodes,
        "total_devices": row.devices * row.nodes,
        "attempts": row.attempt,
        "exit_code": row.exit_code,
        "submitted_at": rfc3339(row.submitted_at),
        "started_at": rfc3339(row.started_at),
        "finished_at": rfc3339(row.finished_at),
    }


def events(job_id: str) -> list[dict[str, Any]]:
    """The job's transitions, oldest first."""
    rows = JobEventRow.select().where(JobEventRow.job == job_id).order_by(JobEventRow.id)
    return [
        {
            "at": rfc3339(row.at),
            "from": row.from_state,
            "to": row.to_state,
            "reason": row.reason,
            "actor": row.actor,
        }
        for row in rows
    ]


def replicas(job_id: str, attempt: int) -> list[dict[str, Any]]:
    """The replicas of one attempt by name."""
    rows = (
        ReplicaRow.select()
        .where(ReplicaRow.job == job_id, ReplicaRow.attempt == attempt)
        .order_by(ReplicaRow.name)
    )
    return [
        {
            "name": row.name,
            "phase": row.phase,
            "node": row.node,
            "address": row.address,
            "exit_code": row.exit_code,
            "code": row.code,
            "detail": row.detail,
            "started_at": rfc3339(row.started_at),
            "finished_at": rfc3339(row.finished_at),
        }
        for row in rows
    ]


def attempts(job_id: str) -> list[int]:
    """Numbers of the attempts that the cluster was seen to run, oldest first."""
    rows: Any = (
        ReplicaRow.select(ReplicaRow.attempt)
        .where(ReplicaRow.job == job_id)
        .distinct()
        .order_by(ReplicaRow.attempt)
        .tuples()
    )
    return [attempt for (attempt,) in rows]


def names(job_ids: Iterable[str]) -> dict[str, str]:
    """Names of jobs by id."""
    rows: Any = JobRow.select(JobRow.id, JobRow.name).where(JobRow.id.in_(list(job_ids))).tuples()
    return dict(rows)


def body_of(job: Job) -> dict[str, Any]:
    """The submission that would make this job again (never with a registry login)."""
    spec = job.spec
    body: dict[str, Any] = {
        "name": spec.name,
        "vc": spec.vc,
        "kind": spec.kind,
        "preemptible": spec.preemptible,
        "priority": spec.priority,
        "devices": spec.devices,
        "nodes": spec.nodes,
        **_wished(spec),
    }
    if spec.device_type:
        body["device_type"] = spec.device_type
    if not spec.secret_env:
        body.pop("secret_env")
    return body
