"""Nodes, devices and the places that replicas take on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeviceShape:
    """How devices of a type sit in a node.

    ``per_node`` is the number of devices of a full node. ``ring`` is the number of devices
    that are wired together: a request smaller than a node must come out of one ring
    (an Ascend 910 server has two rings of four); 0 means that any devices go together.
    ``counts`` are the legal numbers of devices on one node, ``None`` for every number.
    """

    per_node: int = 8
    ring: int = 0
    counts: tuple[int, ...] | None = None

    def allows(self, devices: int) -> bool:
        """Whether one replica may ask for ``devices`` devices."""
        return devices >= 0 and (self.counts is None or devices in self.counts)


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster as last seen.

    ``devices`` counts what the node can allot now (broken devices are not in it);
    ``foreign_devices`` are held by something that the portal did not start.
    """

    name: str
    ip: str = ""
    device_type: str | None = None
    devices: int = 0
    ready: bool = True
    cordoned: bool = False
    foreign_devices: int = 0
    simulated: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def schedulable(self) -> bool:
        """Whether anything new may be placed here."""
        return self.ready and not self.cordoned


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one replica: a node and the indexes of its devices there, from 0."""

    node: str
    devices: tuple[int, ...] = ()


Placement = tuple[Slot, ...]
"""One slot per replica, in rank order."""


def dump_placement(placement: Placement) -> list[dict[str, object]]:
    """As JSON keeps it."""
    return [{"node": slot.node, "devices": list(slot.devices)} for slot in placement]


def load_placement(data: list[dict[str, object]] | None) -> Placement:
    """Undo :func:`dump_placement`; ``None`` is no placement."""
    slots = []
    for item in data or []:
        devices = item["devices"]
        assert isinstance(devices, list)
        slots.append(Slot(str(item["node"]), tuple(int(index) for index in devices)))
    return tuple(slots)
