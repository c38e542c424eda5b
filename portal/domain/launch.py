"""What is handed to a cluster to run, and what it says of it. No Kubernetes words.

A job's kind makes a :class:`Workload`; the device type adds resources, environment and
mounts; the result is a :class:`Launch`, which any cluster can carry out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from portal.domain.job import AttemptRef, RegistryLogin
from portal.domain.resources import Slot


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A small file that every replica of an attempt can read; no secrets.

    The cluster chooses the folder and sets the ``variables`` to the file's path.
    """

    name: str
    text: str
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a replica is, for who writes a file about all of them.

    ``host`` is the name by which its peers reach it; ``address`` (of the network) and
    ``notes`` (of the cluster's device plugin) are known only once it runs.
    """

    name: str
    rank: int
    slot: Slot
    host: str
    address: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a workload; ``rank`` counts from 0, ``name`` is unique in the job.

    ``serves``: it only answers the others; the job does not wait for its end.
    """

    name: str
    rank: int
    command: str
    slot: Slot
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    serves: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """The replicas of one attempt.

    ``peers``: they find each other by host name. ``logins``: each may start commands on the
    others with ``ssh NAME``, by a key that only this attempt has (where replicas have
    networks of their own; on one machine there is nobody to log in to).
    """

    replicas: tuple[Replica, ...]
    peers: bool = False
    files: tuple[SharedFile, ...] = ()
    logins: bool = False


@dataclass(frozen=True, slots=True)
class HostMount:
    """A folder of the storage (or of the node) that a replica sees at ``target``.

    ``create`` asks for the folder to be made when it is missing. ``sub_path`` is a folder
    below ``source`` that is seen instead of it; nothing, a symbolic link neither, leads from
    there out of ``source``. ``shared``: the folder is everybody's.
    """

    name: str
    source: str
    target: str
    read_only: bool = False
    create: bool = True
    sub_path: str = ""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class ReplicaLaunch:
    """A replica with everything its node must know.

    ``resources`` maps the cluster's resource names (``nvidia.com/gpu``) to whole numbers;
    ``node_labels`` must all be on the node; ``host`` is the name its peers know it by.
    ``selection`` is environment that narrows the command to its slot's devices, for a
    cluster that does not do so itself.
    """

    name: str
    rank: int
    command: str
    slot: Slot
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[HostMount, ...] = ()
    resources: Mapping[str, int] = field(default_factory=dict)
    node_labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    host: str = ""
    selection: Mapping[str, str] = field(default_factory=dict)
    serves: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything of one attempt. Launching it twice must be the same as once.

    ``user_id``: the number of the user whose job it is; 0 when it is nobody's.
    """

    ref: AttemptRef
    job_name: str
    username: str
    image: str
    replicas: tuple[ReplicaLaunch, ...]
    registry: RegistryLogin | None = None
    peers: bool = False
    grace_s: int = 30
    labels: Mapping[str, str] = field(default_factory=dict)
    files: tuple[SharedFile, ...] = ()
    logins: bool = False
    user_id: int = 0
    concealed: tuple[str, ...] = ()
    """Names of variables whose values no preview shows, whatever they are called."""


class ReplicaPhase(StrEnum):
    """Where a replica stands on its cluster."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    """The cluster knew it and has lost it, or its node."""


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """What the cluster says of one replica.

    ``code`` is a reason code when something is wrong (``image_pull``, ``refused``,
    ``start_error``, ``out_of_memory``, ``node_lost``, ``replica_lost``, ``runtime_stopped``,
    ``unschedulable``), ``detail`` the cluster's own words. ``stopping``: its end was asked
    for and it is still there. ``signalled``: it was asked to end (SIGTERM) while its command
    ran, or may have been; its exit code then says nothing of the work. ``serves``: it only
    answers the others. ``notes`` are what the cluster's device plugin wrote on it under
    names that its device type asks for.
    """

    name: str
    phase: ReplicaPhase
    node: str = ""
    address: str = ""
    exit_code: int | None = None
    code: str | None = None
    detail: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stopping: bool = False
    signalled: bool = False
    serves: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What is on the cluster of one attempt. Without replicas and ``objects``: nothing."""

    ref: AttemptRef
    replicas: tuple[ReplicaStatus, ...] = ()
    objects: bool = False
    """Something else of it is left (a Service, a Secret)."""

    @property
    def gone(self) -> bool:
        """Whether nothing is left."""
        return not self.replicas and not self.objects
