"""The starvation guard: a job that has waited too long keeps later ones off its devices.

It holds back later jobs of its virtual cluster, device type and class. A preemptible job
takes nothing from a non-preemptible one, which can have the devices back at any time, so it
is not held back for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.planning.capacity import NO_SIZES
from portal.domain.planning.snapshot import Demand

_Line = tuple[str, str | None, bool]


class StarvationGuard:
    """Which sizes of nodes are kept for whom."""

    def __init__(self, now: datetime, guard_s: int) -> None:
        self._cutoff = now - timedelta(seconds=guard_s)
        self._kept: dict[_Line, dict[int, str]] = {}
        self._banned: dict[_Line, frozenset[int]] = {}

    def is_due(self, demand: Demand) -> bool:
        """Whether ``demand`` has waited too long."""
        return demand.waiting_since < self._cutoff

    def keep(self, demand: Demand, sizes: frozenset[int]) -> None:
        """Keep nodes of these sizes for ``demand``, unless they are kept for an earlier job."""
        kept = self._kept.setdefault(_line(demand), {})
        for size in sizes:
            kept.setdefault(size, demand.job_id)
        self._banned[_line(demand)] = frozenset(kept)

    def banned(self, demand: Demand) -> frozenset[int]:
        """The sizes of nodes that ``demand`` may not use."""
        return self._banned.get(_line(demand), NO_SIZES)

    def kept_for(self, demand: Demand) -> str:
        """The first job that ``demand`` is held back for."""
        return next(iter(self._kept[_line(demand)].values()))


def _line(demand: Demand) -> _Line:
    return (demand.vc, demand.device_type, demand.preemptible)
