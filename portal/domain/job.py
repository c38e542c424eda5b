"""A job: what was asked for (:class:`JobSpec`) and where it stands (:class:`Job`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.domain.job_state import JobState
from portal.domain.reason import Reason
from portal.domain.resources import Placement

MIN_PRIORITY, MAX_PRIORITY, DEFAULT_PRIORITY = 1, 1000, 100
MOUNT_POINTS = {"work": "/work", "data": "/data", "job": "/job"}
"""Name of each mount and where the container sees it."""
ENDPOINT_KINDS = ("ssh", "jupyter", "tensorboard")


@dataclass(frozen=True, slots=True)
class MountChoice:
    """Whether a mount is wanted, and which folder below its root ('' for the root)."""

    enabled: bool = True
    sub_path: str = ""


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Where the image is pulled from and as whom. The password is never shown again."""

    server: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What the user asked for, checked. ``devices`` is per node, ``nodes`` counts replicas.

    ``extra`` holds the fields that only the job's kind knows.
    """

    name: str
    vc: str
    kind: str
    image: str
    command: str
    device_type: str | None = None
    devices: int = 0
    nodes: int = 1
    preemptible: bool = False
    priority: int = DEFAULT_PRIORITY
    interactive_ports: tuple[int, ...] = ()
    endpoints: tuple[str, ...] = ()
    mounts: Mapping[str, MountChoice] = field(
        default_factory=lambda: {name: MountChoice() for name in MOUNT_POINTS}
    )
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: tuple[str, ...] = ()
    """Names of variables that are secret whatever they are called."""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def total_devices(self) -> int:
        """Devices of all nodes together."""
        return self.devices * self.nodes


SUBMISSION_FIELDS = frozenset(JobSpec.__dataclass_fields__) | {"registry", "template"}
"""What a submission of any kind has: the fields of a kind's own have other names."""


@dataclass(frozen=True, slots=True)
class AttemptRef:
    """One start of a job; every object on the cluster is named by it."""

    job_id: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.job_id}.{self.attempt}"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the database has it at one moment."""

    id: str
    user_id: int
    username: str
    spec: JobSpec
    state: JobState
    version: int
    attempt: int
    """Starts so far; 0 before the first."""
    retries: int
    """Starts that the platform lost; at :data:`MAX_PLATFORM_RETRIES` the job is given up."""
    submitted_at: datetime
    waiting_since: datetime
    placement: Placement = ()
    reason: Reason | None = None
    exit_code: int | None = None
    admitted_at: datetime | None = None
    launched_at: datetime | None = None
    launch_tries: int = 0
    not_before: datetime | None = None
    """Not to be admitted earlier (back-off after a failed start)."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stop_requested_at: datetime | None = None
    stop_grace_s: int = 30
    released: bool = True
    """Nothing of the job is left on the cluster."""

    @property
    def ref(self) -> AttemptRef:
        """The present attempt."""
        return AttemptRef(self.id, self.attempt)


MAX_PLATFORM_RETRIES = 3
"""How often the platform may lose a job before it is given up."""
