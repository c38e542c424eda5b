"""The shortage: fewer devices take jobs than virtual clusters were given. Shared pro rata.

Nodes are cordoned, not ready or gone, or others use their devices. What is then missing,
``max(sum of quotas - schedulable devices, 0)`` of a device type, is divided among the virtual
clusters in proportion to their quotas, in whole devices. What is left of a quota is the
virtual cluster's *part*: so much it may hold on the nodes that take jobs. The parts together
are never more than there is, so none can eat another's.

Devices that jobs still hold on nodes that take no more jobs count against the quota, but not
against the part: they are nobody else's loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from portal.domain.planning.snapshot import VcShare
from portal.domain.resources import Node, Placement


@dataclass(frozen=True, slots=True)
class Shortage:
    """One device type: what was given to virtual clusters, and what takes jobs now."""

    given: int = 0
    """Sum of all quotas."""
    schedulable: int = 0
    """Devices on nodes that take jobs, those used by others left out."""
    cordoned: int = 0
    """Nodes that an administrator keeps work off."""
    not_ready: int = 0
    """Nodes that do not answer."""
    loss: Mapping[str, int] = field(default_factory=dict)
    """Devices that each virtual cluster goes without, by its name."""

    @property
    def devices(self) -> int:
        """How many are missing."""
        return max(self.given - self.schedulable, 0)


def pro_rata(shortage: int, quotas: Mapping[str, int]) -> dict[str, int]:
    """``shortage`` (0 to the sum of ``quotas``) in whole parts proportional to the quotas.

    By the largest remainder; where remainders are equal the larger quota gives first, then
    the first name. The parts add up to ``shortage``, and none is above its quota.
    """
    given = sum(quotas.values())
    if not given:
        return dict.fromkeys(quotas, 0)
    exact = {name: divmod(shortage * quota, given) for name, quota in quotas.items()}
    parts = {name: whole for name, (whole, _) in exact.items()}
    order = sorted(quotas, key=lambda name: (-exact[name][1], -quotas[name], name))
    for name in order[: shortage - sum(parts.values())]:
        parts[name] += 1
    return parts


class Shares:
    """What every virtual cluster may use of its quota at one moment."""

    def __init__(self, nodes: Iterable[Node], vcs: Iterable[VcShare]) -> None:
        self._quotas = {vc.name: vc.quota for vc in vcs}
        self._open: dict[str, set[str]] = {}
        self._nodes: dict[str, list[Node]] = {}
        for node in nodes:
            if node.device_type is not None:
                self._nodes.setdefault(node.device_type, []).append(node)
                if node.schedulable and node.devices:
                    self._open.setdefault(node.device_type, set()).add(node.name)
        self._known: dict[str, Shortage] = {}

    def of(self, kind: str) -> Shortage:
        """The shortage of one device type."""
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = self._work_out(kind)
        return found

    def _work_out(self, kind: str) -> Shortage:
        nodes = self._nodes.get(kind, [])
        quotas = {name: quota[kind] for name, quota in self._quotas.items() if quota.get(kind)}
        given = sum(quotas.values())
        usable = sum(max(n.devices - n.foreign_devices, 0) for n in nodes if n.schedulable)
        return Shortage(
            given=given,
            schedulable=usable,
            cordoned=sum(node.ready and node.cordoned for node in nodes),
            not_ready=sum(not node.ready for node in nodes),
            loss=pro_rata(max(given - usable, 0), quotas),
        )

    def part(self, vc: str, kind: str) -> int:
        """Devices that the VC may hold on the nodes that take jobs."""
        return self.quota(vc, kind) - self.of(kind).loss.get(vc, 0)

    def quota(self, vc: str, kind: str) -> int:
        """Devices that the VC was given."""
        return self._quotas[vc].get(kind, 0)

    def held_open(self, kind: str, placement: Placement) -> int:
        """Those of a job's devices that lie on nodes of its type that take jobs."""
        nodes = self._open.get(kind, ())
        return sum(len(slot.devices) for slot in placement if slot.node in nodes)

    def usable(self, vc: str, kind: str, held: int, held_open: int) -> int:
        """What the VC can use of its quota now, with what it still holds on closed nodes.

        ``held`` are all its devices, ``held_open`` those on nodes that take jobs: it may hold
        more as long as ``held`` is below the answer.
        """
        return min(self.quota(vc, kind), self.part(vc, kind) + held - held_open)
