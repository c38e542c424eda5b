"""How a waiting job stands: everything it needs, each thing with its numbers.

The planner names the one thing that a job waits for first. Who waits wants to see the others
too: what is there already, and what would come next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from portal.domain.job import MAX_PRIORITY
from portal.domain.planning.device_pool import DevicePool, build_pools
from portal.domain.planning.quota import Ledger
from portal.domain.planning.snapshot import Demand, Snapshot, Waiting

STEP = 10
"""Priorities are proposed in such steps: round numbers leave room between them."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a waiting job needs.

    ``name`` is one of ``free_devices``, ``queue``, ``vc_quota``, ``user_limit``, ``nodes``.
    """

    name: str
    blocks: bool
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds and what does not, and the priority that would make the job the first."""

    checks: tuple[Check, ...] = ()
    lead_priority: int | None = None
    """``None`` when it is the first already, or no priority would do."""


class Standings:
    """How the jobs that wait in one snapshot stand; what they share is worked out once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @cached_property
    def _pools(self) -> Mapping[str, DevicePool]:
        return build_pools(self._snapshot)

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(self._snapshot)

    def of(self, demand: Demand, found: Waiting, ahead: Sequence[Demand]) -> Standing:
        """How ``demand`` stands, which waits as the planner ``found`` it.

        ``ahead`` are the jobs of :attr:`Waiting.ahead`.
        """
        checks = [*self._devices(demand), _queue(found, ahead)]
        checks += [*self._shares(demand), self._nodes(demand)]
        # No priority helps a job that its quota or its user's limit can never hold, or whose
        # owner may start nothing.
        hopeless = self._never(demand) or (demand.vc, demand.user) in self._snapshot.barred
        lead = None if hopeless else lead_priority(demand, ahead)
        return Standing(tuple(checks), lead)

    def _devices(self, demand: Demand) -> Iterable[Check]:
        if not demand.device_type or not demand.devices:
            return
        pool = self._pools.get(demand.device_type)
        free = pool.now if pool else None
        fits = free.capacity(demand.devices) >= demand.replicas if free else False
        yield Check(
            "free_devices",
            not fits,
            {
                "free": free.total if free else 0,
                "devices": sum(pool.sizes) if pool else 0,
                "nodes": len(pool.sizes) if pool else 0,
            },
        )

    def _shares(self, demand: Demand) -> Iterable[Check]:
        kind, needed = demand.device_type, demand.total_devices
        if demand.vc not in self._snapshot.vcs or not kind or not needed:
            return
        share = self._ledger.share(demand, kind)
        if share is not None:
            numbers = {"used": share.used, "quota": share.quota, "needed": needed}
            yield Check("vc_quota", share.used + needed > share.usable, numbers)
        held = self._ledger.held_by_user(demand, kind)
        if held is not None:
            used, limit = held
            numbers = {"used": used, "limit": limit, "needed": needed}
            yield Check("user_limit", used + needed > limit, numbers)

    def _never(self, demand: Demand) -> bool:
        kind = demand.device_type if demand.devices else None
        if demand.vc not in self._snapshot.vcs or not kind:
            return False
        return self._ledger.never(demand, kind) is not None

    def _nodes(self, demand: Demand) -> Check:
        kind = demand.device_type if demand.devices else None
        nodes = [n for n in self._snapshot.nodes if kind is None or n.device_type == kind]
        takes = sum(node.schedulable for node in nodes)
        return Check("nodes", takes == 0, {"takes": takes, "nodes": len(nodes)})


def lead_priority(demand: Demand, ahead: Sequence[Demand]) -> int | None:
    """The smallest round priority above that of every job ahead in its line.

    Preemptible jobs come after all others whatever their priority
    (:mod:`~.queue_order`).
    """
    if not ahead or any(other.preemptible != demand.preemptible for other in ahead):
        return None
    highest = max(other.priority for other in ahead)
    lead = (highest // STEP + 1) * STEP
    return lead if lead <= MAX_PRIORITY else None


def _queue(found: Waiting, ahead: Sequence[Demand]) -> Check:
    numbers = {"ahead": found.position - 1}
    if ahead:
        numbers["priority"] = ahead[0].priority
    return Check("queue", found.position > 1, numbers)
