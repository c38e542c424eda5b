"""Free devices of many nodes, found by what fits without looking at every node.

Nodes are numbers (their place in the order of names). For every request size that is asked
for, the nodes lie in heaps by how many such requests they take; a heap's entry is dropped
when it comes up and no longer says what is true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from portal.domain.planning.placement import Fit, fit, largest_together, take

NO_SIZES: frozenset[int] = frozenset()
_STALE = -1
_NODE_BITS = 32
_NODE_MASK = (1 << _NODE_BITS) - 1

Place = tuple[int, int]
"""A node and the mask of the devices taken there."""


class FreeDevices:
    """The free devices of the nodes of one type, as masks."""

    def __init__(self, sizes: Sequence[int], ring: int, masks: list[int]) -> None:
        self.sizes = sizes
        self.ring = ring
        self.masks = masks
        self.total = sum(mask.bit_count() for mask in masks)
        self._fits: dict[int, _Fits] = {}
        self._kinds: Counter[tuple[int, int]] | None = None

    def set(self, node: int, mask: int) -> None:
        """Make ``mask`` the free devices of ``node``."""
        old = self.masks[node]
        if mask == old:
            return
        self.total += mask.bit_count() - old.bit_count()
        self.masks[node] = mask
        for fits in self._fits.values():
            fits.update(node)
        if self._kinds is not None:
            self._kinds[old, self.sizes[node]] -= 1
            self._kinds[mask, self.sizes[node]] += 1

    def capacity(self, devices: int, banned: frozenset[int] = NO_SIZES) -> int:
        """How many requests of ``devices`` fit at once on nodes whose size is not banned."""
        return self._of(devices).capacity(banned)

    def fit(self, node: int, devices: int) -> Fit:
        """How requests of ``devices`` fit on one node."""
        return fit(self.masks[node], self.sizes[node], self.ring, devices)

    def largest(self) -> int:
        """The largest request that fits on some node."""
        if self._kinds is None:
            self._kinds = Counter(zip(self.masks, self.sizes, strict=True))
        return max(
            (largest_together(*kind, self.ring) for kind, count in self._kinds.items() if count),
            default=0,
        )

    def find(
        self, devices: int, replicas: int, banned: frozenset[int] = NO_SIZES
    ) -> list[Place] | None:
        """A place for every replica on as few nodes as possible, or ``None``; takes nothing.

        A node that can hold all that is left is preferred to one that cannot; among those
        the one that holds fewest, then the tightest group, the fullest node, the first name.
        """
        fits = self._of(devices)
        if fits.capacity(banned) < replicas:
            return None
        picked: list[tuple[int, int]] = []
        left = replicas
        while left:
            node, count = fits.pop(left, banned)
            picked.append((node, count))
            left -= count
        places: list[Place] = []
        for node, count in picked:
            fits.update(node)
            places += self._take(node, devices, count)
        return places

    def _take(self, node: int, devices: int, count: int) -> list[Place]:
        mask, size = self.masks[node], self.sizes[node]
        places = []
        for _ in range(count):
            taken = take(mask, size, self.ring, devices)
            mask &= ~taken
            places.append((node, taken))
        return places

    def _of(self, devices: int) -> _Fits:
        fits = self._fits.get(devices)
        if fits is None:
            fits = self._fits[devices] = _Fits(self, devices)
        return fits


class _Fits:
    """The nodes by how they take requests of one size."""

    def __init__(self, free: FreeDevices, devices: int) -> None:
        self._free = free
        self._devices = devices
        self._capacity = [0] * len(free.masks)
        self._keys = [_STALE] * len(free.masks)
        self._totals = dict.fromkeys(free.sizes, 0)
        self._heaps: dict[tuple[int, int], list[int]] = {}
        self._load()

    def _load(self) -> None:
        """Sort every node in; like :meth:`update` for each, with one look per kind of mask."""
        known: dict[tuple[int, int], tuple[int, int]] = {}
        for node, seen in enumerate(zip(self._free.masks, self._free.sizes, strict=True)):
            found = known.get(seen)
            if found is None:
                found = known[seen] = self._score(*seen)
            capacity, score = found
            if capacity:
                size = seen[1]
                self._capacity[node] = capacity
                self._totals[size] += capacity
                self._keys[node] = key = score | node
                self._heaps.setdefault((size, capacity), []).append(key)
        for heap in self._heaps.values():
            heapify(heap)

    def _score(self, mask: int, size: int) -> tuple[int, int]:
        """Capacity, and the order among nodes of that capacity in the upper bits."""
        capacity, tightness = fit(mask, size, self._free.ring, self._devices)
        return capacity, (tightness << 16 | mask.bit_count()) << _NODE_BITS

    def update(self, node: int) -> None:
        """Sort ``node`` in anew."""
        size = self._free.sizes[node]
        capacity, score = self._score(self._free.masks[node], size)
        self._totals[size] += capacity - self._capacity[node]
        self._capacity[node] = capacity
        self._keys[node] = _STALE
        if capacity:
            self._keys[node] = key = score | node
            heap = self._heaps.get((size, capacity))
            if heap is None:
                heap = self._heaps[size, capacity] = []
            heappush(heap, key)

    def capacity(self, banned: frozenset[int]) -> int:
        """Requests that fit at once."""
        return sum(total for size, total in self._totals.items() if size not in banned)

    def pop(self, left: int, banned: frozenset[int]) -> tuple[int, int]:
        """The best node for up to ``left`` replicas and how many it takes.

        The node is out of the heaps until :meth:`update`.
        """
        best: tuple[int, int, tuple[int, int]] | None = None
        for bucket in self._heaps:
            size, capacity = bucket
            if size in banned or not self._clean(bucket):
                continue
            # One replica goes to the tightest place; several to as few nodes as possible.
            order = 0 if left == 1 else capacity if capacity >= left else (1 << 32) - capacity
            candidate = (order, self._heaps[bucket][0], bucket)
            if best is None or candidate < best:
                best = candidate
        assert best is not None, "the caller checked the capacity"
        key = heappop(self._heaps[best[2]])
        node = key & _NODE_MASK
        self._keys[node] = _STALE
        return node, min(left, best[2][1])

    def _clean(self, bucket: tuple[int, int]) -> bool:
        """Drop what is no longer true from the top of a heap; False when nothing is left."""
        heap, capacity = self._heaps[bucket], bucket[1]
        while heap:
            node = heap[0] & _NODE_MASK
            if self._keys[node] == heap[0] and self._capacity[node] == capacity:
                return True
            heappop(heap)
        return False
