"""Places for jobs without devices: spread over the schedulable nodes."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from portal.domain.planning.snapshot import Snapshot
from portal.domain.resources import Placement, Slot

_Entry = tuple[int, int, str]
"""Replicas without devices, devices of the node, name."""


class CpuNodes:
    """All schedulable nodes by how many replicas without devices they have."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._nodes = {node.name: node for node in snapshot.nodes if node.schedulable}
        self._load = dict.fromkeys(self._nodes, 0)
        self._heaps: dict[str | None, list[_Entry]] = {}
        for job in snapshot.holding:
            for slot in job.placement:
                if not slot.devices and slot.node in self._load:
                    self._load[slot.node] += 1

    def place(self, device_type: str | None, replicas: int) -> Placement | None:
        """A node for every replica, the least loaded first; ``None`` without nodes.

        A job that names a device type without asking for devices runs on the nodes of that
        type if there are any: its image is made for their processors.
        """
        heap = self._heap(device_type)
        if not heap:
            return None
        slots: list[Slot] = []
        while len(slots) < replicas:
            load, devices, name = heappop(heap)
            if load == self._load[name]:
                self._load[name] += 1
                slots.append(Slot(name))
            heappush(heap, (self._load[name], devices, name))
        return tuple(slots)

    def _heap(self, device_type: str | None) -> list[_Entry]:
        heap = self._heaps.get(device_type)
        if heap is None:
            nodes = list(self._nodes.values())
            of_type = [node for node in nodes if node.device_type == device_type]
            if device_type is not None and of_type:
                nodes = of_type
            heap = [(self._load[node.name], node.devices, node.name) for node in nodes]
            heapify(heap)
            self._heaps[device_type] = heap
        return heap
