"""Whom to preempt so that a non-preemptible job can start.

The choice, in the order in which it is made:

1. While the job's own virtual cluster is above its quota, its preemptible jobs come first,
   where that makes a place; then those of any virtual cluster.
2. A place is made on one node at a time, with the fewest victims there, then the fewest
   devices in all, then the lowest priority, then the latest start.
3. What the own virtual cluster must still release is taken from as few of its jobs as
   possible, the smallest that suffices: first on nodes that take jobs, as far as it must be
   there (:class:`~.quota.Excess`).
4. Whoever turns out not to be needed is spared, the largest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from portal.domain.planning.device_pool import DevicePool, Movable
from portal.domain.planning.making_room import JobShape, NodeCounts, fewest
from portal.domain.planning.placement import all_devices, free_by_group
from portal.domain.planning.quota import Excess

_Cost = tuple[int, int, tuple[int, ...], int]
"""Victims, their devices, their ranks from the highest, the node."""
_Option = tuple[_Cost, Sequence[Movable]]


@dataclass(frozen=True, slots=True)
class Need:
    """A place for so many replicas, and devices that the own VC must release."""

    devices: int
    replicas: int
    vc: str
    excess: Excess
    banned: frozenset[int]


class VictimSearch:
    """Finds victims in one pool; keeps what it learned about the nodes for the next job."""

    def __init__(self, pool: DevicePool) -> None:
        self._pool = pool
        self._options: dict[tuple[int, str | None, frozenset[int]], _Options] = {}
        self._own: dict[tuple[str, bool], _BySize] = {}
        self._all = [job for job in pool.movable if job.preemptible]
        self._by_vc: dict[str, list[Movable]] = {}
        for job in self._all:
            self._by_vc.setdefault(job.job.vc, []).append(job)

    def choose(self, need: Need) -> list[Movable]:
        """Victims that make the start possible, marked as gone in the pool.

        The caller has made sure that there are enough
        (:attr:`~.device_pool.DevicePool.reclaimable`).
        """
        chosen: list[Movable] = []
        excess = need.excess
        while not self._has_place(need):
            found = self._cheapest(need, need.vc) if excess else None
            found = found or self._cheapest(need, None)
            assert found is not None, "the caller checked what can be reclaimed"
            for job in found:
                excess = excess.less(*_own(job, need))
            chosen += self._preempt(found)
        while excess:
            job = self._suited(need.vc, excess)
            excess = excess.less(job.total, job.open)
            chosen += self._preempt([job])
        if len(chosen) > 1:
            self._spare(chosen, need, excess)
        return sorted(chosen, key=lambda job: job.rank)

    def _has_place(self, need: Need) -> bool:
        return self._pool.soon.capacity(need.devices, need.banned) >= need.replicas

    def _preempt(self, jobs: Sequence[Movable]) -> Sequence[Movable]:
        for job in jobs:
            self._pool.preempt(job)
        return jobs

    def _cheapest(self, need: Need, vc: str | None) -> Sequence[Movable] | None:
        key = (need.devices, vc, need.banned)
        options = self._options.get(key)
        if options is None:
            jobs = self._all if vc is None else self._by_vc.get(vc, [])
            options = self._options[key] = _Options(self._pool, jobs, *key)
        return options.cheapest()

    def _suited(self, vc: str, excess: Excess) -> Movable:
        """The job of the VC that releases best what it must."""
        only_open = excess.open > 0
        own = self._own.get((vc, only_open))
        if own is None:
            own = self._own[vc, only_open] = _BySize(self._by_vc[vc], only_open)
        return own.suited(excess.open if only_open else excess.anywhere)

    def _spare(self, chosen: list[Movable], need: Need, excess: Excess) -> None:
        """Leave out whom the start does not need; no ``excess`` is left by now."""
        for job in sorted(chosen, key=lambda job: (-job.total, -job.rank)):
            devices, held_open = _own(job, need)
            more = excess.less(-devices, -held_open)
            if need.excess and more:
                continue
            self._pool.preempt(job, gone=False)
            if self._has_place(need):
                excess = more
                chosen.remove(job)
                for only_open in (False, True):
                    if (job.job.vc, only_open) in self._own:
                        self._own[job.job.vc, only_open].add(job)
            else:
                self._pool.preempt(job)


def _own(job: Movable, need: Need) -> tuple[int, int]:
    """What the own VC releases with the job, and how much of it on nodes that take jobs."""
    return (job.total, job.open) if job.job.vc == need.vc else (0, 0)


class _BySize:
    """The preemptible jobs of one virtual cluster, by devices, then rank."""

    def __init__(self, jobs: Iterable[Movable], only_open: bool) -> None:
        self._only_open = only_open
        self._jobs: dict[int, Movable] = {}
        self._ranks: dict[int, list[int]] = {}
        for job in jobs:
            self.add(job)

    def add(self, job: Movable) -> None:
        """Note a job, also one that was gone and is not any more."""
        devices = job.open if self._only_open else job.total
        if devices:
            self._jobs[job.rank] = job
            heappush(self._ranks.setdefault(devices, []), job.rank)

    def suited(self, excess: int) -> Movable:
        """The smallest job that suffices, else the largest; not one that is gone."""
        alive = sorted(total for total in self._ranks if self._clean(total))
        total = next((total for total in alive if total >= excess), alive[-1])
        return self._jobs[self._ranks[total][0]]

    def _clean(self, total: int) -> bool:
        ranks = self._ranks[total]
        while ranks and self._jobs[ranks[0]].gone:
            heappop(ranks)
        return bool(ranks)


class _Options:
    """For one request size: what it costs on each node to make room for one more."""

    def __init__(
        self,
        pool: DevicePool,
        jobs: Sequence[Movable],
        devices: int,
        vc: str | None,
        banned: frozenset[int],
    ) -> None:
        self._pool = pool
        self._devices = devices
        self._vc = vc
        self._read = len(pool.changed)
        self._valid: dict[int, _Option] = {}
        self._nodes = {
            number for job in jobs for number in job.nodes if pool.sizes[number] not in banned
        }
        for number in self._nodes:
            self._look_at(number)
        self._heap = [cost for cost, _ in self._valid.values()]
        heapify(self._heap)

    def cheapest(self) -> Sequence[Movable] | None:
        """The victims of the cheapest option, or ``None`` when no node can make room."""
        changed = self._pool.changed
        for number in self._nodes.intersection(changed[self._read :]):
            self._look_at(number)
            if number in self._valid:
                heappush(self._heap, self._valid[number][0])
        self._read = len(changed)
        while self._heap:
            cost = self._heap[0]
            valid = self._valid.get(cost[-1])
            if valid is not None and valid[0] == cost:
                return valid[1]
            heappop(self._heap)
        return None

    def _look_at(self, number: int) -> None:
        found = _option(self._pool, number, self._devices, self._vc)
        if found is None:
            self._valid.pop(number, None)
        else:
            self._valid[number] = found


def _option(pool: DevicePool, number: int, devices: int, vc: str | None) -> _Option | None:
    """The cheapest victims on one node that make room for one more request there."""
    use = pool.use[number]
    kinds: dict[JobShape, list[Movable]] = {}
    free, unknown = all_devices(use.size) & ~use.fixed, use.unknown
    for job, mask, more in use.movable:
        if job.gone:
            continue
        free &= ~mask
        unknown += more
        if job.preemptible and (vc is None or job.job.vc == vc):
            here = free_by_group(mask, use.size, pool.ring)
            kinds.setdefault(JobShape(here, more, job.total), []).append(job)
    if not kinds:
        return None
    node = NodeCounts(
        free=free_by_group(free, use.size, pool.ring),
        taken=free_by_group(use.taken, use.size, pool.ring),
        unknown=unknown,
        size=use.size,
        ring=pool.ring,
    )
    order = sorted(kinds)
    ways = fewest(node, devices, tuple((kind, len(kinds[kind])) for kind in order))
    options = (
        [job for kind, leave in zip(order, way, strict=True) for job in kinds[kind][:leave]]
        for way in ways
    )
    return min(((_cost(jobs, number), jobs) for jobs in options), default=None)


def _cost(jobs: Sequence[Movable], number: int) -> _Cost:
    ranks = tuple(sorted((job.rank for job in jobs), reverse=True))
    return len(jobs), sum(job.total for job in jobs), ranks, number
