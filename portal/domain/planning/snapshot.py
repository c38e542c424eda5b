"""What the planner looks at and what it answers. Frozen values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from portal.domain.reason import Reason
from portal.domain.resources import DeviceShape, Node, Placement

PreemptibleScope = Literal["vc", "cluster"]


class Request(NamedTuple):
    """What makes waiting jobs alike: what keeps one of them back keeps all of them back."""

    vc: str
    user: str | None
    """``None`` where the user makes no difference: no limit applies, and nothing bars him."""
    device_type: str | None
    devices: int
    replicas: int
    preemptible: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """What a waiting job asks for: ``replicas`` places with ``devices`` devices each."""

    job_id: str
    name: str
    vc: str
    user: str
    device_type: str | None
    devices: int
    replicas: int
    preemptible: bool
    priority: int
    submitted_at: datetime
    waiting_since: datetime
    not_before: datetime | None = None
    reserved: Placement = ()
    """The place that an earlier plan kept for it (:attr:`Waiting.reserved`), if one did."""
    trouble: Reason | None = None
    """Why its last start failed, until ``not_before``."""

    @property
    def total_devices(self) -> int:
        """Devices of all replicas together."""
        return self.devices * self.replicas


@dataclass(frozen=True, slots=True)
class Holding:
    """A job that holds devices now. ``stopping`` ones give them back soon by themselves."""

    job_id: str
    name: str
    vc: str
    user: str
    device_type: str | None
    placement: Placement
    preemptible: bool
    priority: int
    admitted_at: datetime
    stopping: bool = False

    @property
    def total_devices(self) -> int:
        """Devices of all replicas together."""
        return sum(len(slot.devices) for slot in self.placement)


@dataclass(frozen=True, slots=True)
class VcShare:
    """A virtual cluster's part: quota per device type, and the most one user may hold."""

    name: str
    quota: Mapping[str, int] = field(default_factory=dict)
    user_limit: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The cluster at one moment.

    Of jobs that are alike (:class:`Request`) the later ones may be left out of ``waiting``:
    :attr:`Plan.refused` answers for them, as long as it answers for one that is there. Those of
    ``barred`` owners may all be left out.
    """

    nodes: tuple[Node, ...]
    vcs: Mapping[str, VcShare]
    holding: tuple[Holding, ...]
    waiting: tuple[Demand, ...]
    shapes: Mapping[str, DeviceShape]
    barred: Mapping[tuple[str, str], Reason] = field(default_factory=dict)
    """By virtual cluster and user: why the jobs of this user do not start there."""
    preemptible_scope: PreemptibleScope = "vc"
    starvation_guard_s: int = 600
    cluster_reachable: bool = True
    cluster_seen_at: datetime | None = None
    """When the cluster last answered."""

    def bar_of(self, demand: Demand) -> Reason | None:
        """Why the owner of ``demand`` starts nothing there; ``None`` when they may."""
        return self.barred.get((demand.vc, demand.user))

    def request_of(self, demand: Demand) -> Request:
        """The request that ``demand`` makes."""
        vc = self.vcs.get(demand.vc)
        limited = vc is not None and demand.device_type in vc.user_limit
        limited = limited or self.bar_of(demand) is not None
        return Request(
            demand.vc,
            demand.user if limited else None,
            demand.device_type,
            demand.devices,
            demand.replicas,
            demand.preemptible,
        )


@dataclass(frozen=True, slots=True)
class Admission:
    """Start this job there."""

    job_id: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class Preemption:
    """Take the devices of ``job_id`` so that ``for_job_id`` can start."""

    job_id: str
    for_job_id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a job waits, how many are ahead of it for the same devices, and who comes next.

    ``position`` counts from 1 among the waiting jobs of its VC and device type, in the
    order in which they would start; ``ahead`` are the ids of (at most 10 of) those before
    it, the first of the line. ``reserved`` is the place that is kept for it while devices
    are being released. The next plan finds a place for it by the order alone; handing
    ``reserved`` back in the :class:`Demand` makes sure that it is the same one.
    """

    reason: Reason
    position: int
    ahead: tuple[str, ...] = ()
    reserved: Placement = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The planner's answer; every waiting job is in ``admit`` or in ``waiting``.

    ``refused`` has the reason that holds for all further jobs of a request.
    """

    admit: tuple[Admission, ...] = ()
    preempt: tuple[Preemption, ...] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    refused: Mapping[Request, Reason] = field(default_factory=dict, compare=False)
