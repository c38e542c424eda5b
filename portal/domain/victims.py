"""Whom to preempt so that a non-preemptible job can start.

The choice, in the order in which it is made:

1. While the job's own virtual cluster is above its quota, its preemptible jobs come first,
   where that makes a place; then those of any virtual cluster.
2. A place is made on one node at a time, with the fewest victims there, then the fewest
   devices in all, then the lowest priority, then the latest start.
3. What the own virtual cluster must still give back is taken from as few of its jobs as
   possible, the smallest that suffices.
4. Whoever turns out not to be needed is spared, the largest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from portal.domain.device_pool import DevicePool, Movable
from portal.domain.placement import free_by_group

_Cost = tuple[int, int, tuple[int, ...], int]
"""Victims, their devices, their ranks from the highest, the node."""


@dataclass(frozen=True, slots=True)
class Need:
    """A place for so many replicas, and devices that the own VC must give back."""

    devices: int
    replicas: int
    vc: str
    excess: int
    banned: frozenset[int]


class VictimSearch:
    """Finds victims in one pool; keeps what it learned about the nodes for the next job."""

    def __init__(self, pool: DevicePool) -> None:
        self._pool = pool
        self._options: dict[tuple[int, str | None, frozenset[int]], _Options] = {}
        self._own: dict[str, _BySize] = {}

    def choose(self, need: Need) -> list[Movable]:
        """Victims that make the start possible, marked as gone in the pool.

        The caller has made sure that there are enough
        (:attr:`~portal.domain.device_pool.DevicePool.reclaimable`).
        """
        chosen: list[Movable] = []
        excess = need.excess
        while excess > 0 and not self._has_place(need):
            found = self._cheapest(need, need.vc)
            if found is None:
                break
            excess -= sum(job.total for job in found)
            chosen += self._preempt(found)
        while not self._has_place(need):
            found = self._cheapest(need, None)
            assert found is not None, "the caller checked what can be reclaimed"
            excess -= sum(job.total for job in found if job.job.vc == need.vc)
            chosen += self._preempt(found)
        while excess > 0:
            job = self._of(need.vc).suited(excess)
            excess -= job.total
            chosen += self._preempt([job])
        return self._spare(chosen, need, excess) if len(chosen) > 1 else chosen

    def _has_place(self, need: Need) -> bool:
        return self._pool.soon.capacity(need.devices, need.banned) >= need.replicas

    def _preempt(self, jobs: Sequence[Movable]) -> Sequence[Movable]:
        for job in jobs:
            self._pool.preempt(job)
        return jobs

    def _cheapest(self, need: Need, vc: str | None) -> tuple[Movable, ...] | None:
        key = (need.devices, vc, need.banned)
        options = self._options.get(key)
        if options is None:
            options = self._options[key] = _Options(self._pool, *key)
        return options.cheapest()

    def _of(self, vc: str) -> _BySize:
        own = self._own.get(vc)
        if own is None:
            own = self._own[vc] = _BySize(
                job for job in self._pool.movable if job.preemptible and job.job.vc == vc
            )
        return own

    def _spare(self, chosen: list[Movable], need: Need, excess: int) -> list[Movable]:
        """Leave out whom the start does not need; ``excess`` is 0 or less by now."""
        for job in sorted(chosen, key=lambda job: (-job.total, -job.rank)):
            own = job.total if job.job.vc == need.vc and need.excess else 0
            if excess + own > 0:
                continue
            self._pool.preempt(job, gone=False)
            if self._has_place(need):
                excess += own
                chosen.remove(job)
                if job.job.vc in self._own:
                    self._own[job.job.vc].add(job)
            else:
                self._pool.preempt(job)
        return chosen


class _BySize:
    """The preemptible jobs of one virtual cluster, by devices, then rank."""

    def __init__(self, jobs: Iterator[Movable]) -> None:
        self._heaps: dict[int, list[tuple[int, Movable]]] = {}
        for job in jobs:
            self.add(job)

    def add(self, job: Movable) -> None:
        heappush(self._heaps.setdefault(job.total, []), (job.rank, job))

    def suited(self, excess: int) -> Movable:
        """The smallest job that suffices, else the largest; not one that is gone."""
        alive = sorted(total for total in self._heaps if self._clean(total))
        total = next((total for total in alive if total >= excess), alive[-1])
        return self._heaps[total][0][1]

    def _clean(self, total: int) -> bool:
        heap = self._heaps[total]
        while heap and heap[0][1].gone:
            heappop(heap)
        return bool(heap)


class _Options:
    """For one request size: what it costs on each node to make room for one more."""

    def __init__(
        self, pool: DevicePool, devices: int, vc: str | None, banned: frozenset[int]
    ) -> None:
        self._pool = pool
        self._devices = devices
        self._vc = vc
        self._banned = banned
        self._dirty: set[int] = set()
        self._valid: dict[int, tuple[_Cost, tuple[Movable, ...]]] = {}
        nodes = {
            number
            for job in pool.movable
            if job.preemptible and (vc is None or job.job.vc == vc)
            for number in job.nodes
            if pool.sizes[number] not in banned
        }
        self._nodes = nodes
        for number in nodes:
            self._look_at(number)
        self._heap = [cost for cost, _ in self._valid.values()]
        heapify(self._heap)
        pool.watchers.append(self._dirty)

    def cheapest(self) -> tuple[Movable, ...] | None:
        """The victims of the cheapest option, or ``None`` when no node can make room."""
        for number in self._dirty & self._nodes:
            self._look_at(number)
            if number in self._valid:
                heappush(self._heap, self._valid[number][0])
        self._dirty.clear()
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


def _option(
    pool: DevicePool, number: int, devices: int, vc: str | None
) -> tuple[_Cost, tuple[Movable, ...]] | None:
    """The cheapest victims on one node that make room for one more request there."""
    candidates = [
        (job, mask) for job, mask in pool.candidates(number) if vc is None or job.job.vc == vc
    ]
    room = pool.soon.fit(number, devices).capacity

    def enough(victims: Sequence[Movable]) -> bool:
        return pool.fits_without(number, devices, victims) > room

    if not candidates or not enough([job for job, _ in candidates]):
        return None
    alike = _alike(pool, number, candidates)
    return _fewest(alike, len(candidates), enough, number)


def _alike(
    pool: DevicePool, number: int, candidates: Sequence[tuple[Movable, int]]
) -> list[list[Movable]]:
    """Jobs that free the same on this node and are equally large, first victim first."""
    kinds: dict[tuple[tuple[int, ...], int], list[Movable]] = {}
    for job, mask in candidates:
        here = free_by_group(mask, pool.sizes[number], pool.ring)
        kinds.setdefault((here, job.total), []).append(job)
    return [sorted(kind, key=lambda job: job.rank) for kind in kinds.values()]


def _fewest(
    alike: list[list[Movable]],
    most: int,
    enough: Callable[[Sequence[Movable]], bool],
    number: int,
) -> tuple[_Cost, tuple[Movable, ...]] | None:
    """The cheapest set of victims that is ``enough``, with as few of them as possible."""
    for count in range(1, most + 1):
        best: tuple[_Cost, tuple[Movable, ...]] | None = None
        for victims in _picks(alike, 0, count):
            ranks = tuple(sorted((job.rank for job in victims), reverse=True))
            cost = (count, sum(job.total for job in victims), ranks, number)
            if (best is None or cost < best[0]) and enough(victims):
                best = cost, victims
        if best is not None:
            return best
    return None


def _picks(alike: list[list[Movable]], first: int, count: int) -> Iterator[tuple[Movable, ...]]:
    """Every way to pick ``count`` jobs, of each kind the first ones."""
    if count == 0:
        yield ()
        return
    if first == len(alike):
        return
    kind = alike[first]
    for here in range(min(count, len(kind)), -1, -1):
        for rest in _picks(alike, first + 1, count - here):
            yield (*kind[:here], *rest)
