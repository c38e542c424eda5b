"""Values for tests, complete by default: ``a_launch(command="exit 3")``.

Every builder takes the fields of what it builds; what a test does not name does not matter
to it. Ids are new each time, so that tests never meet on a shared cluster.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from portal.domain.job import AttemptRef, Job, JobSpec
from portal.domain.job_state import JobState
from portal.domain.launch import HostMount, Launch, Observed, ReplicaLaunch, ReplicaStatus
from portal.domain.resources import Node, Slot

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
"""A moment for tests that need one."""


def a_job_id() -> str:
    """An id that no other test has."""
    return f"t{uuid.uuid4().hex[:15]}"


def a_ref(job_id: str | None = None, attempt: int = 1) -> AttemptRef:
    """The first attempt of a new job."""
    return AttemptRef(job_id or a_job_id(), attempt)


def a_node(name: str = "node-1", **fields: Any) -> Node:
    """A ready node with eight GPUs."""
    given: dict[str, Any] = {"ip": "10.0.0.1", "device_type": "nvidia_gpu_amd64", "devices": 8}
    return Node(name, **{**given, **fields})


def a_spec(**fields: Any) -> JobSpec:
    """What a user asked for: one CPU-only replica."""
    given: dict[str, Any] = {
        "name": "train",
        "vc": "vision",
        "kind": "regular",
        "image": "python:3.11",
        "command": "echo hello",
    }
    return JobSpec(**{**given, **fields})


def a_job(state: JobState = JobState.QUEUED, **fields: Any) -> Job:
    """A job in ``state``; fields of its spec go in ``spec=a_spec(...)``."""
    given: dict[str, Any] = {
        "id": a_job_id(),
        "user_id": 1,
        "username": "alice",
        "spec": a_spec(),
        "state": state,
        "version": 1,
        "attempt": 0 if state is JobState.QUEUED else 1,
        "retries": 0,
        "submitted_at": NOON,
        "waiting_since": NOON,
    }
    return Job(**{**given, **fields})


def a_mount(source: str, target: str = "/job", **fields: Any) -> HostMount:
    """A folder of the host at ``target``, writable, made when missing."""
    given: dict[str, Any] = {"name": target.strip("/").replace("/", "-")}
    return HostMount(source=source, target=target, **{**given, **fields})


def a_replica(command: str = "echo hello", **fields: Any) -> ReplicaLaunch:
    """One replica on ``node-1``, without devices."""
    given: dict[str, Any] = {"name": "worker-0", "rank": 0, "slot": Slot("node-1")}
    return ReplicaLaunch(command=command, **{**given, **fields})


def a_launch(
    command: str = "echo hello",
    *,
    node: str = "node-1",
    env: Mapping[str, str] | None = None,
    mounts: Sequence[HostMount] = (),
    replicas: Sequence[ReplicaLaunch] = (),
    **fields: Any,
) -> Launch:
    """One attempt; with one replica that runs ``command`` unless ``replicas`` are given."""
    only = a_replica(command, slot=Slot(node), env=dict(env or {}), mounts=tuple(mounts))
    given: dict[str, Any] = {
        "ref": a_ref(),
        "job_name": "train",
        "username": "alice",
        "image": "python:3.11",
        "grace_s": 5,
    }
    return Launch(replicas=tuple(replicas) or (only,), **{**given, **fields})


def an_observation(ref: AttemptRef, *replicas: ReplicaStatus, **fields: Any) -> Observed:
    """What a cluster shows of ``ref``."""
    return Observed(ref, replicas, **fields)
