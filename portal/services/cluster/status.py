"""The cluster at this moment: what each virtual cluster holds, and what is on each node.

Everything is counted from the jobs that hold devices (their number is bounded by the
devices, not by the jobs) and from the nodes as last seen: three queries for any page.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import fn

from portal.domain.errors import Forbidden, NotFound
from portal.domain.job_state import JobState
from portal.domain.permission import Actor, Permission
from portal.domain.resources import Node, Placement, load_placement
from portal.models import JobRow
from portal.services.records import inventory
from portal.services.vcs import reading as virtual_clusters
from portal.services.vcs.reading import VirtualCluster


@dataclass(frozen=True, slots=True)
class Hold:
    """A job that holds its place on the cluster now."""

    job_id: str
    name: str
    username: str
    vc: str
    device_type: str | None
    devices: int
    preemptible: bool
    placement: Placement


@dataclass(frozen=True, slots=True)
class VcDevices:
    """Devices of one type as a virtual cluster has them.

    ``used`` includes ``preemptible_used``. ``available`` is what a job could get now;
    ``unschedulable`` is the VC's part of the shortage: what it cannot use of its quota while
    too few nodes take jobs (:mod:`portal.domain.planning.shortage`).
    """

    device_type: str
    devices: int
    unschedulable: int
    used: int
    preemptible_used: int
    available: int
    active_jobs: int


@dataclass(frozen=True, slots=True)
class Pod:
    """One replica on a node; ``devices`` are its indexes there."""

    hold: Hold
    devices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NodeUse:
    """A node and what is on it."""

    node: Node
    pods: tuple[Pod, ...] = ()

    @property
    def used(self) -> int:
        """Devices held by jobs."""
        return sum(len(pod.devices) for pod in self.pods)

    @property
    def preemptible_used(self) -> int:
        """Those of them that are held by preemptible jobs."""
        return sum(len(pod.devices) for pod in self.pods if pod.hold.preemptible)

    @property
    def free(self) -> int:
        """Devices that nobody holds, whether or not anything may be placed here."""
        return max(0, self.node.devices - self.used - self.node.foreign_devices)

    @property
    def available(self) -> int:
        """Devices that a job could get now."""
        return self.free if self.node.schedulable else 0

    @property
    def status(self) -> str:
        """``ready``, ``not_ready`` or ``cordoned``."""
        if not self.node.ready:
            return "not_ready"
        return "cordoned" if self.node.cordoned else "ready"

    @property
    def owners(self) -> dict[int, Hold]:
        """Who holds each device that is held, by index."""
        return {index: pod.hold for pod in self.pods for index in pod.devices}


@dataclass(frozen=True, slots=True)
class VcLoad:
    """A virtual cluster among the others: what it uses of its quota, and its jobs."""

    name: str
    quota: Mapping[str, int]
    used: Mapping[str, int] = field(default_factory=dict)
    active: int = 0
    queued: int = 0


@dataclass(frozen=True, slots=True)
class TypeTotal:
    """All devices of one type, without saying where or whose."""

    device_type: str
    used: int
    devices: int


def resolve(actor: Actor, name: str | None) -> VirtualCluster:
    """The VC of that name, or the current one.

    Raises ``Forbidden`` without the permission, ``NotFound`` when there is none for them.
    """
    if not actor.may(Permission.VIEW_CLUSTER):
        raise Forbidden("This needs the permission View cluster status")
    access = virtual_clusters.access(actor)
    vc = access.visible_to(actor).get(name) if name else access.current
    if vc is None:
        raise NotFound("There is no virtual cluster of this name")
    return vc


def holds() -> list[Hold]:
    """Every job that holds its place, in the order of admission."""
    rows: Any = (
        JobRow.select(
            JobRow.id,
            JobRow.name,
            JobRow.username,
            JobRow.vc,
            JobRow.device_type,
            JobRow.devices * JobRow.nodes,
            JobRow.preemptible,
            JobRow.placement,
        )
        .where(JobRow.released == False)
        .order_by(JobRow.admitted_at, JobRow.id)
        .tuples()
    )
    return [
        Hold(job_id, name, user, vc, kind, devices, preemptible, load_placement(placement))
        for job_id, name, user, vc, kind, devices, preemptible, placement in rows
    ]


def node_uses(cluster: str, holding: Sequence[Hold] | None = None) -> list[NodeUse]:
    """Every node by name with what is on it."""
    pods: dict[str, list[Pod]] = defaultdict(list)
    for hold in holds() if holding is None else holding:
        for slot in hold.placement:
            pods[slot.node].append(Pod(hold, slot.devices))
    return [NodeUse(node, tuple(pods[node.name])) for node in inventory.nodes(cluster)]


def totals(cluster: str) -> list[TypeTotal]:
    """What the whole cluster has and uses, by device type."""
    used: Counter[str] = Counter()
    devices: Counter[str] = Counter()
    for use in node_uses(cluster):
        kind = use.node.device_type
        if kind and use.node.devices:
            devices[kind] += use.node.devices
            used[kind] += use.used + use.node.foreign_devices
    return [
        TypeTotal(kind, min(used[kind], total), total) for kind, total in sorted(devices.items())
    ]


def vc_devices(
    vc: VirtualCluster, uses: Iterable[NodeUse], holding: Iterable[Hold]
) -> list[VcDevices]:
    """The devices of one VC by type."""
    free: Counter[str] = Counter()
    for use in uses:
        kind = use.node.device_type or ""
        free[kind] += use.available
    mine = [hold for hold in holding if hold.vc == vc.name]
    return [
        _line(
            kind,
            quota,
            vc.usable_quota.get(kind, quota),
            [hold for hold in mine if hold.device_type == kind and hold.devices],
            free[kind],
        )
        for kind, quota in sorted(vc.quota.items())
        if quota or any(hold.device_type == kind for hold in mine)
    ]


def _line(kind: str, quota: int, usable: int, mine: Sequence[Hold], free: int) -> VcDevices:
    used = sum(hold.devices for hold in mine)
    return VcDevices(
        device_type=kind,
        devices=quota,
        unschedulable=quota - usable,
        used=used,
        preemptible_used=sum(hold.devices for hold in mine if hold.preemptible),
        available=min(max(0, usable - used), free),
        active_jobs=len(mine),
    )


def vc_loads(vcs: Iterable[VirtualCluster], holding: Iterable[Hold]) -> list[VcLoad]:
    """Several VCs side by side."""
    used: dict[str, Counter[str]] = defaultdict(Counter)
    active: Counter[str] = Counter()
    for hold in holding:
        active[hold.vc] += 1
        if hold.device_type:
            used[hold.vc][hold.device_type] += hold.devices
    queued = _queued()
    return [
        VcLoad(vc.name, vc.quota, used[vc.name], active[vc.name], queued.get(vc.name, 0))
        for vc in vcs
    ]


def _queued() -> dict[str, int]:
    rows: Any = (
        JobRow.select(JobRow.vc, fn.COUNT(JobRow.id))
        .where(JobRow.state == JobState.QUEUED.value)
        .group_by(JobRow.vc)
        .tuples()
    )
    return dict(rows)
