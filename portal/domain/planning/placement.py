"""Which devices of one node a replica takes. Devices are bits of a whole number.

A node of ``size`` devices is cut into groups: rings of ``ring`` devices that are wired
together, or the whole node where the type has no rings. A request comes out of one group;
one that is larger than a ring needs the whole node.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Fit(NamedTuple):
    """How requests of one size fit into a node's free devices."""

    capacity: int
    """So many of them at once."""
    tightness: int
    """Free devices of the fullest group that still takes one; 0 when none does."""


def all_devices(size: int) -> int:
    """The mask of every device of a node."""
    return (1 << size) - 1


@lru_cache(maxsize=65536)
def mask_of(indexes: tuple[int, ...]) -> int:
    """The mask of these device indexes."""
    mask = 0
    for index in indexes:
        mask |= 1 << index
    return mask


@lru_cache(maxsize=65536)
def indexes_of(mask: int) -> tuple[int, ...]:
    """The device indexes of a mask, ascending."""
    return tuple(index for index in range(mask.bit_length()) if mask >> index & 1)


def without_highest(mask: int, count: int) -> int:
    """``mask`` less its ``count`` highest devices."""
    for _ in range(min(count, mask.bit_count())):
        mask ^= 1 << (mask.bit_length() - 1)
    return mask


def counts_without_highest(free: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Like :func:`without_highest`, from the number of free devices of each group."""
    left = list(free)
    for group in reversed(range(len(left))):
        taken = min(count, left[group])
        left[group] -= taken
        count -= taken
    return tuple(left)


@lru_cache(maxsize=1024)
def groups(size: int, ring: int) -> tuple[int, ...]:
    """The masks of the groups of a node, lowest devices first."""
    step = ring if 0 < ring < size else size
    whole = all_devices(size)
    ring_mask = all_devices(step)
    return tuple(ring_mask << first & whole for first in range(0, size, step or 1))


@lru_cache(maxsize=65536)
def free_by_group(mask: int, size: int, ring: int) -> tuple[int, ...]:
    """How many devices of ``mask`` lie in each group."""
    return tuple((mask & group).bit_count() for group in groups(size, ring))


def needs_whole_node(size: int, ring: int, devices: int) -> bool:
    """Whether the request is larger than a ring of this node."""
    return 0 < ring < size and devices > ring


@lru_cache(maxsize=65536)
def fit(mask: int, size: int, ring: int, devices: int) -> Fit:
    """How requests of ``devices`` (at least 1) fit into the free devices ``mask``."""
    return fit_counts(free_by_group(mask, size, ring), size, ring, devices)


def fit_counts(free: tuple[int, ...], size: int, ring: int, devices: int) -> Fit:
    """Like :func:`fit`, from the number of free devices of each group."""
    if needs_whole_node(size, ring, devices):
        return Fit(1, size) if devices == size == sum(free) else Fit(0, 0)
    enough = [count for count in free if count >= devices]
    return Fit(sum(count // devices for count in enough), min(enough, default=0))


@lru_cache(maxsize=65536)
def take(mask: int, size: int, ring: int, devices: int) -> int:
    """The devices that one request gets out of ``mask``: the lowest of the tightest group.

    The request must fit (:func:`fit`).
    """
    if needs_whole_node(size, ring, devices):
        return mask
    fitting = [
        mask & group for group in groups(size, ring) if (mask & group).bit_count() >= devices
    ]
    tightest = min(fitting, key=int.bit_count)
    return without_highest(tightest, tightest.bit_count() - devices)


def largest_together(mask: int, size: int, ring: int) -> int:
    """The largest request that fits into ``mask``."""
    if mask == all_devices(size):
        return size
    return max(free_by_group(mask, size, ring), default=0)
