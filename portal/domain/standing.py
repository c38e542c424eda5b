"""How a waiting job stands: everything it needs, each thing with its numbers.

The planner names the one thing that a job waits for first. Who waits wants to see the others
too: what is there already, and what would come next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from portal.domain.device_pool import build_pools
from portal.domain.quota import Ledger
from portal.domain.snapshot import Demand, Snapshot, Waiting

STEP = 10
"""Priorities are proposed in such steps: round numbers leave room between them."""
TOP_PRIORITY = 1000


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


def standing(snapshot: Snapshot, demand: Demand, found: Waiting) -> Standing:
    """How ``demand``, waiting in ``snapshot`` as the planner ``found``, stands."""
    checks = [*_devices(snapshot, demand), _queue(snapshot, found)]
    if demand.vc in snapshot.vcs and demand.device_type and demand.devices:
        checks += _shares(Ledger(snapshot), demand, demand.device_type)
    checks.append(_nodes(snapshot, demand))
    return Standing(tuple(checks), lead_priority(demand, _ahead(snapshot, found)))


def lead_priority(demand: Demand, ahead: Sequence[Demand]) -> int | None:
    """The smallest round priority above that of every job ahead in its line.

    Preemptible jobs come after all others whatever their priority
    (:mod:`portal.domain.queue_order`).
    """
    if not ahead or any(other.preemptible != demand.preemptible for other in ahead):
        return None
    highest = max(other.priority for other in ahead)
    lead = (highest // STEP + 1) * STEP
    return lead if lead <= TOP_PRIORITY else None


def _devices(snapshot: Snapshot, demand: Demand) -> Iterable[Check]:
    if not demand.device_type or not demand.devices:
        return
    pool = build_pools(snapshot).get(demand.device_type)
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


def _queue(snapshot: Snapshot, found: Waiting) -> Check:
    numbers = {"ahead": found.position - 1}
    first = _ahead(snapshot, found)[:1]
    if first:
        numbers["priority"] = first[0].priority
    return Check("queue", found.position > 1, numbers)


def _shares(ledger: Ledger, demand: Demand, kind: str) -> Iterable[Check]:
    needed = demand.total_devices
    share = ledger.share(demand, kind)
    if share is not None:
        numbers = {"used": share.used, "quota": share.quota, "needed": needed}
        yield Check("vc_quota", share.used + needed > share.usable, numbers)
    held = ledger.held_by_user(demand, kind)
    if held is not None:
        used, limit = held
        numbers = {"used": used, "limit": limit, "needed": needed}
        yield Check("user_limit", used + needed > limit, numbers)


def _nodes(snapshot: Snapshot, demand: Demand) -> Check:
    kind = demand.device_type if demand.devices else None
    nodes = [node for node in snapshot.nodes if kind is None or node.device_type == kind]
    takes = sum(node.schedulable for node in nodes)
    return Check("nodes", takes == 0, {"takes": takes, "nodes": len(nodes)})


def _ahead(snapshot: Snapshot, found: Waiting) -> list[Demand]:
    """The jobs ahead that are named, the first of the line first."""
    by_id = {other.job_id: other for other in snapshot.waiting}
    return [by_id[job_id] for job_id in found.ahead if job_id in by_id]
