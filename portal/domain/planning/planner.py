"""Who starts, who is preempted, why the others wait. One pass over a frozen snapshot.

The jobs are looked at in their order (:mod:`~.queue_order`). For each:

1. what keeps it from starting anywhere (its owner lost the right, back-off, no virtual
   cluster);
2. quota and limit (:mod:`~.quota`);
3. a place that is free now: it starts;
4. a place that stopping jobs are releasing: it is reserved, the job waits;
5. a place that preemption can make (:mod:`~.victims`): likewise;
6. else it waits, and if it has waited too long, later jobs wait for it
   (:mod:`~.starvation`).

What is given out or reserved is gone for all later jobs, so the first in order gets it, in
this pass and in the next.

While nodes are cordoned, not ready or gone and the virtual clusters were given more than is
left, each may hold only its part on the nodes that take jobs (:mod:`~.shortage`),
as if its quota were smaller there. That bounds new starts only: what runs already goes on,
and is preempted for a start alone, by the rules that hold for a quota.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from portal.domain.planning import wait
from portal.domain.planning.capacity import NO_SIZES, FreeDevices, Place
from portal.domain.planning.cpu_nodes import CpuNodes
from portal.domain.planning.device_pool import DevicePool, build_pools
from portal.domain.planning.queue_order import Queues, in_order, order_key
from portal.domain.planning.quota import Ledger
from portal.domain.planning.snapshot import (
    Admission,
    Demand,
    Plan,
    Preemption,
    Request,
    Snapshot,
    Waiting,
)
from portal.domain.planning.starvation import StarvationGuard
from portal.domain.planning.victims import Need, VictimSearch
from portal.domain.reason import Reason


def plan(snapshot: Snapshot, now: datetime) -> Plan:
    """Decide for every waiting job of ``snapshot``; the same for any order of its parts."""
    ordered = in_order(snapshot.waiting)
    if snapshot.cluster_reachable:
        return _Pass(snapshot, now).run(ordered)
    queues = Queues()
    reason = wait.cluster_unreachable(snapshot.cluster_seen_at)
    requests = set()
    for demand in ordered:
        bar = snapshot.bar_of(demand)
        if bar is not None:
            queues.add_beside(demand, bar)
            continue
        queues.add(demand, reason)
        requests.add(snapshot.request_of(demand))
    return Plan(waiting=queues.waiting, refused=dict.fromkeys(requests, reason))


def preview(snapshot: Snapshot, demand: Demand, now: datetime) -> Admission | Waiting:
    """Where ``demand`` would start now if it were waiting too, else why it would wait."""
    place = order_key(demand)
    # Later jobs have no say in what becomes of this one.
    ahead = [d for d in snapshot.waiting if d.job_id != demand.job_id and order_key(d) < place]
    made = plan(replace(snapshot, waiting=(*ahead, demand)), now)
    if demand.job_id in made.waiting:
        return made.waiting[demand.job_id]
    return next(found for found in made.admit if found.job_id == demand.job_id)


@dataclass(slots=True)
class _Refusal:
    """Why requests of one kind cannot start in this pass.

    Nothing that happens later in the pass makes room for them, so those that are alike need
    not be looked at again.
    """

    reason: Reason
    keep: frozenset[int] = NO_SIZES
    """Sizes of nodes to keep for one of them that has waited too long."""


_SHARES = ("vc_quota", "vc_shortage")


class _Pass:
    """One planning pass."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        self._snapshot = snapshot
        self._now = now
        self._pools = build_pools(snapshot)
        self._searches: dict[str, VictimSearch] = {}
        self._ledger = Ledger(snapshot)
        self._guard = StarvationGuard(now, snapshot.starvation_guard_s)
        self._cpu = CpuNodes(snapshot)
        self._queues = Queues()
        self._admit: list[Admission] = []
        self._preempt: list[Preemption] = []
        self._no_nodes: dict[str | None, Reason] = {}

    def run(self, ordered: Sequence[Demand]) -> Plan:
        """Decide for each job in turn."""
        refusals: dict[tuple[Any, ...], _Refusal] = {}
        limited = {(vc.name, kind) for vc in self._snapshot.vcs.values() for kind in vc.user_limit}
        barred = self._snapshot.barred
        for demand in ordered:
            bar = barred.get((demand.vc, demand.user)) if barred else None
            if bar is not None:
                self._queues.add_beside(demand, bar)
                continue
            if demand.not_before is not None and demand.not_before > self._now:
                self._queues.add(demand, wait.back_off(demand.not_before, demand.trouble))
                continue
            alike = (  # of a hundred thousand a bare tuple is made sooner than a Request
                demand.vc,
                demand.user if (demand.vc, demand.device_type) in limited else None,
                demand.device_type,
                demand.devices,
                demand.replicas,
                demand.preemptible,
            )
            refusal = refusals.get(alike)
            if refusal is None:
                refusal = self._decide(demand)
                if refusal is None:
                    continue
                refusals[alike] = refusal
            if refusal.keep and self._guard.is_due(demand):
                self._guard.keep(demand, refusal.keep)
                refusal.keep = NO_SIZES
            self._queues.add(demand, refusal.reason)
        refused = {Request(*alike): refusal.reason for alike, refusal in refusals.items()}
        return Plan(tuple(self._admit), tuple(self._preempt), self._queues.waiting, refused)

    def _decide(self, demand: Demand) -> _Refusal | None:
        """Start or reserve, or say why neither is possible."""
        kind = demand.device_type
        if demand.vc not in self._snapshot.vcs:
            return _Refusal(wait.no_vc(demand.vc))
        if kind is None or demand.devices == 0:
            return self._without_devices(demand)
        pool = self._pools.get(kind)
        obstacle = self._ledger.obstacle(demand, kind)
        if pool is None and (obstacle is None or obstacle.code == "vc_shortage"):
            return _Refusal(self._unavailable(kind))
        if pool is None or obstacle is not None:
            assert obstacle is not None
            # Small jobs must not take for ever what a large one needs of the quota.
            sizes = pool.all_sizes if pool and obstacle.code in _SHARES else NO_SIZES
            return _Refusal(obstacle, sizes if self._could_ever(demand, kind) else NO_SIZES)
        if self._start(demand, pool) or self._reserve(demand, pool):
            return None
        return self._no_place(demand, pool)

    def _without_devices(self, demand: Demand) -> _Refusal | None:
        placement = self._cpu.place(demand.device_type, demand.replicas)
        if placement is None:
            return _Refusal(self._unavailable(None))
        self._admit.append(Admission(demand.job_id, placement))
        return None

    def _start(self, demand: Demand, pool: DevicePool) -> bool:
        """Start ``demand`` if everything it needs is free now."""
        if self._ledger.missing_now(demand, pool.kind):
            return False
        if self._ledger.excess(demand, pool.kind):
            return False
        places = self._find(demand, pool, pool.now)
        if places is None:
            return False
        pool.take(places)
        self._ledger.start(demand, pool.kind)
        self._admit.append(Admission(demand.job_id, pool.placement(places)))
        return True

    def _reserve(self, demand: Demand, pool: DevicePool) -> bool:
        """Keep a place that is being released, or preempt to make one."""
        banned = self._guard.banned(demand)
        excess = self._ledger.excess(demand, pool.kind)
        places = None if excess else self._find(demand, pool, pool.soon)
        if places is None:
            view = pool.soon if demand.preemptible else pool.reclaimable
            if demand.preemptible or view.capacity(demand.devices, banned) < demand.replicas:
                return False
            need = Need(demand.devices, demand.replicas, demand.vc, excess, banned)
            self._make_room(demand, pool, need)
            places = self._find(demand, pool, pool.soon)
            assert places is not None, "the victims make room"
        missing = sum((mask & ~pool.now.masks[node]).bit_count() for node, mask in places)
        missing = max(missing, self._ledger.missing_now(demand, pool.kind))
        pool.take(places)
        self._ledger.reserve(demand, pool.kind)
        self._queues.add(demand, wait.preempting(missing), pool.placement(places))
        return True

    def _make_room(self, demand: Demand, pool: DevicePool, need: Need) -> None:
        search = self._searches.get(pool.kind)
        if search is None:
            search = self._searches[pool.kind] = VictimSearch(pool)
        for victim in search.choose(need):
            self._ledger.give_back(victim.job)
            self._preempt.append(Preemption(victim.job.job_id, demand.job_id))

    def _find(self, demand: Demand, pool: DevicePool, free: FreeDevices) -> list[Place] | None:
        """The place that was reserved for ``demand``, else the best one."""
        banned = self._guard.banned(demand)
        reserved = pool.places(demand.reserved) if demand.reserved else None
        if reserved is not None and _still_free(demand, reserved, free, banned):
            return reserved
        return free.find(demand.devices, demand.replicas, banned)

    def _no_place(self, demand: Demand, pool: DevicePool) -> _Refusal:
        banned = self._guard.banned(demand)
        sizes = pool.sizes_for(demand.devices) - banned
        keep = sizes if self._could_ever(demand, pool.kind) else NO_SIZES
        widest = pool.soon if demand.preemptible else pool.reclaimable
        if banned and widest.capacity(demand.devices) >= demand.replicas:
            return _Refusal(wait.held_back(self._guard.kept_for(demand)), keep)
        return _Refusal(wait.no_place(pool.kind, demand, pool.now), keep)

    def _could_ever(self, demand: Demand, kind: str) -> bool:
        """Whether it is worth while to keep devices for ``demand``."""
        pool = self._pools.get(kind)
        if pool is None or pool.empty_capacity(demand.devices) < demand.replicas:
            return False
        return self._ledger.could_ever(demand, kind)

    def _unavailable(self, kind: str | None) -> Reason:
        reason = self._no_nodes.get(kind)
        if reason is None:
            nodes = [n for n in self._snapshot.nodes if kind is None or n.device_type == kind]
            reason = self._no_nodes[kind] = wait.node_unavailable(kind or "CPU", nodes)
        return reason


def _still_free(
    demand: Demand, places: list[Place], free: FreeDevices, banned: frozenset[int]
) -> bool:
    """Whether places that an earlier plan reserved are what ``demand`` needs, and free."""
    if len(places) != demand.replicas:
        return False
    left = dict.fromkeys((node for node, _ in places), -1)
    for node, mask in places:
        if mask.bit_count() != demand.devices or free.sizes[node] in banned:
            return False
        if mask & ~(free.masks[node] & left[node]):
            return False
        left[node] &= ~mask
    return True
