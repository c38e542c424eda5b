"""The schedulable nodes of one device type, who holds what there, and three views of it.

``now``: what is free. ``soon``: also what stopping jobs and this plan's victims release.
``reclaimable``: also everything that preemptible jobs hold. What the plan gives out or
reserves is taken out of all three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from portal.domain.planning.capacity import FreeDevices, Place
from portal.domain.planning.placement import (
    all_devices,
    indexes_of,
    mask_of,
    needs_whole_node,
    without_highest,
)
from portal.domain.planning.snapshot import Holding, Snapshot
from portal.domain.resources import Node, Placement, Slot


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
    open: int = 0
    """Its devices on the nodes of the pool, which take jobs."""


@dataclass(slots=True)
class PooledNode:
    """Who holds devices of one node. All masks of it are apart from each other.

    The indexes of foreign devices are not known: the highest free ones are counted as
    theirs. The same goes for indexes that two jobs claim or that the node does not have.
    """

    size: int
    unknown: int = 0
    """Devices in use whose index is not known, those of movable jobs left out."""
    fixed: int = 0
    """Held by jobs that this plan cannot move."""
    taken: int = 0
    """Given out or reserved by this plan."""
    movable: list[tuple[Movable, int, int]] = field(default_factory=list)
    """Jobs with their devices here, and how many more of unknown index they have here."""

    def hold(self, devices: tuple[int, ...]) -> None:
        """Note devices that no plan can get."""
        mask = mask_of(devices) & all_devices(self.size) & ~self.fixed
        self.unknown += len(devices) - mask.bit_count()
        self.fixed |= mask

    def hold_movable(self, job: Movable, devices: tuple[int, ...]) -> None:
        """Note devices that come free, or may; after everything that is fixed."""
        mask = mask_of(devices) & all_devices(self.size) & ~self.fixed
        for _, other, _ in self.movable:
            mask &= ~other
        self.movable.append((job, mask, len(devices) - mask.bit_count()))

    def free_now(self) -> int:
        """What nobody holds."""
        return self._free(self.movable)

    def free_soon(self) -> int:
        """What nobody holds when those that are going have gone."""
        return self._free([held for held in self.movable if not held[0].gone])

    def free_without_movable(self) -> int:
        """What is free without any job that is going or may be preempted."""
        return self._free(())

    def _free(self, kept: Iterable[tuple[Movable, int, int]]) -> int:
        held, unknown = self.fixed, self.unknown
        for _, mask, more in kept:
            held |= mask
            unknown += more
        return without_highest(all_devices(self.size) & ~held, unknown) & ~self.taken


class DevicePool:
    """All schedulable nodes of one device type."""

    def __init__(self, kind: str, ring: int, nodes: Sequence[Node]) -> None:
        self.kind = kind
        self.ring = ring
        self._nodes = nodes
        self.names = [node.name for node in nodes]
        self.number = {name: number for number, name in enumerate(self.names)}
        self.sizes = [node.devices for node in nodes]
        self.all_sizes = frozenset(self.sizes)
        self.movable: list[Movable] = []
        self.changed: list[int] = []
        """Nodes whose free devices have changed, as it happened; it only grows."""
        self.use = [PooledNode(node.devices, node.foreign_devices) for node in nodes]
        self._empty: FreeDevices | None = None
        self._reclaimable: FreeDevices | None = None
        self._layers: list[FreeDevices] = []

    def seal(self) -> None:
        """All holders are known: work out what is free."""
        self.now = FreeDevices(self.sizes, self.ring, [use.free_now() for use in self.use])
        self._layers = [self.now]
        self.soon = self.now
        if any(job.gone for job in self.movable):
            self._part_soon([use.free_soon() for use in self.use])

    @property
    def reclaimable(self) -> FreeDevices:
        """What would be free without any preemptible or stopping job."""
        if self._reclaimable is None:
            if not any(job.preemptible for job in self.movable):
                return self.soon
            masks = [use.free_without_movable() for use in self.use]
            self._reclaimable = FreeDevices(self.sizes, self.ring, masks)
            self._layers.append(self._reclaimable)
        return self._reclaimable

    def empty_capacity(self, devices: int) -> int:
        """Requests of ``devices`` that would fit if no job of the portal held anything."""
        if self._empty is None:
            masks = [
                without_highest(all_devices(n.devices), n.foreign_devices) for n in self._nodes
            ]
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
            self.use[number].taken |= mask
            for layer in self._layers:
                layer.set(number, layer.masks[number] & ~mask)
            self.changed.append(number)

    def preempt(self, job: Movable, gone: bool = True) -> None:
        """Count the devices of ``job`` as coming free; ``gone=False`` takes that back."""
        job.gone = gone
        if self.soon is self.now:
            self._part_soon(list(self.now.masks))
        for number in job.nodes:
            self.soon.set(number, self.use[number].free_soon())
            self.changed.append(number)

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
    home = {
        name: (pool.kind, use)
        for pool in pools.values()
        for name, use in zip(pool.names, pool.use, strict=True)
    }
    movable = []
    for job in snapshot.holding:
        may_move = job.preemptible or job.stopping
        if may_move and job.device_type in pools:
            movable.append(job)
        for slot in job.placement:
            kind, use = home.get(slot.node, _NOWHERE)
            # On a node of another type a job cannot be moved: that can only be a mistake.
            if use is not None and slot.devices and not (may_move and kind == job.device_type):
                use.hold(slot.devices)
    movable.sort(key=lambda job: (job.priority, -job.admitted_at.timestamp(), job.job_id))
    for rank, job in enumerate(movable):
        assert job.device_type is not None
        _load_movable(job, rank, pools[job.device_type])


_NOWHERE: tuple[str | None, PooledNode | None] = (None, None)


def _load_movable(job: Holding, rank: int, pool: DevicePool) -> None:
    total = job.total_devices
    if not total:
        return
    moving = Movable(job, total, rank, job.stopping, not job.stopping)
    pool.movable.append(moving)
    here: dict[int, tuple[int, ...]] = {}
    for slot in job.placement:
        number = pool.number.get(slot.node)
        if number is not None:
            here[number] = here.get(number, ()) + slot.devices
    for number, devices in here.items():
        moving.nodes.append(number)
        moving.open += len(devices)
        pool.use[number].hold_movable(moving, devices)
