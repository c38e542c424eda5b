"""The schedulable nodes of one device type, who holds what there, and three views of it.

``now``: what is free. ``soon``: also what stopping jobs and this plan's victims give back.
``reclaimable``: also everything that preemptible jobs hold. What the plan gives out or
reserves is taken out of all three.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from portal.domain.capacity import FreeDevices, Place
from portal.domain.placement import (
    all_devices,
    fit,
    indexes_of,
    mask_of,
    needs_whole_node,
    without_highest,
)
from portal.domain.resources import Node, Placement, Slot
from portal.domain.snapshot import Holding, Snapshot


@dataclass(slots=True, eq=False)
class Movable:
    """A job whose devices may come free: it is stopping, or may be preempted."""

    job: Holding
    total: int
    rank: int
    """Lower is preempted first."""
    gone: bool
    """It is stopping, or this plan preempts it."""
    preemptible: bool
    """This plan may preempt it."""
    nodes: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _NodeUse:
    """Who holds devices of one node."""

    size: int
    foreign: int = 0
    fixed: int = 0
    fixed_count: int = 0
    taken: int = 0
    """Given out or reserved by this plan."""
    movable: list[tuple[Movable, int, int]] = field(default_factory=list)

    def free(self, gone: Collection[Movable] = ()) -> int:
        """The free devices without the jobs in ``gone``.

        The indexes of foreign devices are not known: the highest free ones are counted as
        theirs. The same goes for indexes that two jobs claim or the node does not have.
        """
        held, count = self.fixed, self.fixed_count
        for job, mask, devices in self.movable:
            if job not in gone:
                held |= mask
                count += devices
        everything = all_devices(self.size)
        unknown = self.foreign + count - (held & everything).bit_count()
        return without_highest(everything & ~held, unknown) & ~self.taken


class DevicePool:
    """All schedulable nodes of one device type."""

    def __init__(self, kind: str, ring: int, nodes: Sequence[Node]) -> None:
        self.kind = kind
        self.ring = ring
        self.names = [node.name for node in nodes]
        self.number = {name: number for number, name in enumerate(self.names)}
        self.sizes = [node.devices for node in nodes]
        self.all_sizes = frozenset(self.sizes)
        self.movable: list[Movable] = []
        self.watchers: list[set[int]] = []
        """Each hears of the nodes whose free devices have changed."""
        self._use = [_NodeUse(node.devices, node.foreign_devices) for node in nodes]
        self._empty: FreeDevices | None = None
        self._reclaimable: FreeDevices | None = None
        self._layers: list[FreeDevices] = []

    def hold(self, slots: Iterable[tuple[int, tuple[int, ...]]]) -> None:
        """Note devices that no plan can get."""
        for number, devices in slots:
            use = self._use[number]
            use.fixed |= mask_of(devices)
            use.fixed_count += len(devices)

    def hold_movable(self, job: Movable, slots: Iterable[tuple[int, tuple[int, ...]]]) -> None:
        """Note devices that come free, or may."""
        for number, devices in slots:
            job.nodes.append(number)
            self._use[number].movable.append((job, mask_of(devices), len(devices)))

    def seal(self) -> None:
        """All holders are known: work out what is free."""
        self.now = FreeDevices(self.sizes, self.ring, [use.free() for use in self._use])
        self._layers = [self.now]
        self.soon = self.now
        if any(job.gone for job in self.movable):
            gone = {job for job in self.movable if job.gone}
            self._part_soon([use.free(gone) for use in self._use])

    @property
    def reclaimable(self) -> FreeDevices:
        """What would be free without any preemptible or stopping job."""
        if self._reclaimable is None:
            if not any(job.preemptible for job in self.movable):
                return self.soon
            movable = set(self.movable)
            masks = [use.free(movable) for use in self._use]
            self._reclaimable = FreeDevices(self.sizes, self.ring, masks)
            self._layers.append(self._reclaimable)
        return self._reclaimable

    def empty_capacity(self, devices: int) -> int:
        """Requests of ``devices`` that would fit if no job of the portal held anything."""
        if self._empty is None:
            masks = [without_highest(all_devices(u.size), u.foreign) for u in self._use]
            self._empty = FreeDevices(self.sizes, self.ring, masks)
        return self._empty.capacity(devices)

    def sizes_for(self, devices: int) -> frozenset[int]:
        """The sizes of nodes that could hold one request of ``devices``."""
        return frozenset(
            size
            for size in self.all_sizes
            if devices == size
            or (devices < size and not needs_whole_node(size, self.ring, devices))
        )

    def take(self, places: Iterable[Place]) -> None:
        """Give out or reserve these places."""
        for number, mask in places:
            self._use[number].taken |= mask
            for layer in self._layers:
                layer.set(number, layer.masks[number] & ~mask)
            self._tell(number)

    def preempt(self, job: Movable, gone: bool = True) -> None:
        """Count the devices of ``job`` as coming free; ``gone=False`` takes that back."""
        job.gone = gone
        if self.soon is self.now:
            self._part_soon(list(self.now.masks))
        for number in set(job.nodes):
            self.soon.set(number, self.soon_without(number))
            self._tell(number)

    def soon_without(self, number: int, more: Collection[Movable] = ()) -> int:
        """The devices of a node that would be free soon if the jobs ``more`` went too."""
        use = self._use[number]
        gone = {job for job, _, _ in use.movable if job.gone}
        gone.update(more)
        return use.free(gone)

    def fits_without(self, number: int, devices: int, more: Collection[Movable]) -> int:
        """How many requests the node would take soon if the jobs ``more`` went too."""
        mask = self.soon_without(number, more)
        return fit(mask, self.sizes[number], self.ring, devices).capacity

    def candidates(self, number: int) -> list[tuple[Movable, int]]:
        """The jobs on a node that may still be preempted, with their devices there."""
        return [
            (job, mask)
            for job, mask, _ in self._use[number].movable
            if job.preemptible and not job.gone
        ]

    def placement(self, places: Sequence[Place]) -> Placement:
        """The places as the outside knows them."""
        return tuple(Slot(self.names[number], indexes_of(mask)) for number, mask in places)

    def places(self, placement: Placement) -> list[Place] | None:
        """Undo :meth:`placement`; ``None`` when a node is not there (any more)."""
        if any(slot.node not in self.number for slot in placement):
            return None
        return [(self.number[slot.node], mask_of(slot.devices)) for slot in placement]

    def _part_soon(self, masks: list[int]) -> None:
        self.soon = FreeDevices(self.sizes, self.ring, masks)
        self._layers.append(self.soon)

    def _tell(self, number: int) -> None:
        for watcher in self.watchers:
            watcher.add(number)


def build_pools(snapshot: Snapshot) -> Mapping[str, DevicePool]:
    """A pool for every device type that has a schedulable node."""
    by_kind: dict[str, list[Node]] = {}
    for node in sorted(snapshot.nodes, key=lambda node: node.name):
        if node.device_type is not None and node.devices > 0 and node.schedulable:
            by_kind.setdefault(node.device_type, []).append(node)
    pools = {}
    for kind, nodes in by_kind.items():
        shape = snapshot.shapes.get(kind)
        pools[kind] = DevicePool(kind, shape.ring if shape else 0, nodes)
    _load_holders(snapshot, pools)
    for pool in pools.values():
        pool.seal()
    return pools


def _load_holders(snapshot: Snapshot, pools: Mapping[str, DevicePool]) -> None:
    home = {name: pool for pool in pools.values() for name in pool.names}
    movable = []
    for job in snapshot.holding:
        if job.preemptible or job.stopping:
            movable.append(job)
            continue
        for slot in job.placement:
            pool = home.get(slot.node)
            if pool is not None:
                pool.hold([(pool.number[slot.node], slot.devices)])
    movable.sort(key=lambda job: (job.priority, -job.admitted_at.timestamp(), job.job_id))
    for rank, job in enumerate(movable):
        _load_movable(job, rank, pools, home)


def _load_movable(
    job: Holding, rank: int, pools: Mapping[str, DevicePool], home: Mapping[str, DevicePool]
) -> None:
    """Note a job in the pool of its type; on nodes of another type it cannot be moved."""
    pool = pools.get(job.device_type) if job.device_type else None
    for slot in job.placement:
        other = home.get(slot.node)
        if other is not None and other is not pool:
            other.hold([(other.number[slot.node], slot.devices)])
    if pool is None or not job.total_devices:
        return
    moving = Movable(job, job.total_devices, rank, job.stopping, not job.stopping)
    slots = [(pool.number[s.node], s.devices) for s in job.placement if s.node in pool.number]
    pool.movable.append(moving)
    pool.hold_movable(moving, slots)
