"""How many jobs of which kind must leave a node so that it takes one more request.

Works on numbers of devices only, so nodes that look alike share one answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from portal.domain.planning.placement import counts_without_highest, fit_counts


class NodeCounts(NamedTuple):
    """A node: per group the devices that nobody holds, and those given out by the plan."""

    free: tuple[int, ...]
    taken: tuple[int, ...]
    unknown: int
    """Devices in use whose index is not known; the highest free ones are theirs."""
    size: int
    ring: int


class JobShape(NamedTuple):
    """Jobs that release the same on this node and are equally large."""

    here: tuple[int, ...]
    """Devices here, per group."""
    unknown: int
    """Devices here whose index is not known."""
    total: int
    """Devices on all nodes."""


Stock = tuple[tuple[JobShape, int], ...]
"""Which kinds of jobs may leave, and how many there are of each."""


@lru_cache(maxsize=65536)
def fewest(node: NodeCounts, devices: int, stock: Stock) -> tuple[tuple[int, ...], ...]:
    """The ways to make room for one more request with the fewest and then smallest jobs.

    Each way says how many of each kind in ``stock`` leave; none when all together are not
    enough.
    """
    numbers = [number for _, number in stock]
    room = _room(node, devices, stock, [0] * len(stock))
    enough = _room(node, devices, stock, numbers) > room
    for count in range(1, sum(numbers) + 1) if enough else ():
        ways: list[tuple[int, ...]] = []
        least: int | None = None
        for leave in _splits(numbers, count):
            total = sum(kind.total * n for (kind, _), n in zip(stock, leave, strict=True))
            if least is not None and total > least:
                continue
            if _room(node, devices, stock, leave) > room:
                ways = [*ways, leave] if total == least else [leave]
                least = total
        if ways:
            return tuple(ways)
    return ()


def _room(node: NodeCounts, devices: int, stock: Stock, leave: Sequence[int]) -> int:
    """How many requests the node takes when so many of each kind have left."""
    free, unknown = list(node.free), node.unknown
    for (kind, _), number in zip(stock, leave, strict=True):
        unknown -= kind.unknown * number
        for group, here in enumerate(kind.here):
            free[group] += here * number
    known = counts_without_highest(tuple(free), unknown)
    left = tuple(count - taken for count, taken in zip(known, node.taken, strict=True))
    return fit_counts(left, node.size, node.ring, devices).capacity


def _splits(numbers: Sequence[int], count: int) -> Iterator[tuple[int, ...]]:
    """Every way to take ``count`` out of bins that hold ``numbers``."""
    if not numbers:
        yield ()
        return
    rest = sum(numbers[1:])
    for first in range(min(count, numbers[0]), max(0, count - rest) - 1, -1):
        for others in _splits(numbers[1:], count - first):
            yield (first, *others)
