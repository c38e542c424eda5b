"""Devices as squares: of a virtual cluster by use, of a node by the job that holds each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from string import ascii_uppercase

from portal.services.cluster.status import Hold, NodeUse, VcDevices
from portal.web.base.words import clauses, gettext

COLOURS = 8
MOST_LEGENDS = 12
Cell = tuple[str, str]
"""The class of a square and the letter in it."""


@dataclass(frozen=True, slots=True)
class JobMark:
    """How a job is marked on the squares it holds."""

    hold: Hold
    colour: str
    letter: str


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a node: its number, its square, and the job that holds it."""

    index: int
    cell: Cell
    mark: JobMark | None
    text: str


@dataclass(frozen=True, slots=True)
class NodeItem:
    """A node as the table and the drawer show it."""

    use: NodeUse
    devices: tuple[Device, ...]
    label: str

    @property
    def cells(self) -> list[tuple[str, str, str]]:
        """Class, letter and words of each square."""
        return [(*device.cell, f"{device.index}: {device.text}") for device in self.devices]


def marks(uses: Iterable[NodeUse]) -> dict[str, JobMark]:
    """A letter and a colour for each job that holds a device, by id, in the order of nodes."""
    found: dict[str, JobMark] = {}
    for use in uses:
        for pod in use.pods:
            if pod.devices and pod.hold.job_id not in found:
                number = len(found)
                found[pod.hold.job_id] = JobMark(
                    pod.hold,
                    f"c{number % COLOURS + 1}",
                    ascii_uppercase[number % len(ascii_uppercase)],
                )
    return found


def node_line(use: NodeUse, marked: Mapping[str, JobMark]) -> NodeItem:
    """The line of one node."""
    devices = tuple(_devices(use, marked))
    return NodeItem(use, devices, _read_out(devices))


def _devices(use: NodeUse, marked: Mapping[str, JobMark]) -> Iterable[Device]:
    owners = use.owners
    foreign = use.node.foreign_devices
    # The portal knows how many devices others hold, not which: the last ones stand for them.
    free = [index for index in reversed(range(use.node.devices)) if index not in owners]
    others = set(free[:foreign])
    for index in range(max([use.node.devices, *(owner + 1 for owner in owners)])):
        hold = owners.get(index)
        if hold is not None:
            mark = marked[hold.job_id]
            cls = f"{mark.colour} pre" if hold.preemptible else mark.colour
            yield Device(index, (cls, mark.letter), mark, f"{hold.name} ({hold.username})")
        elif index in others:
            yield Device(index, ("c8", ""), None, gettext("in use outside the portal"))
        elif use.node.schedulable:
            yield Device(index, ("free", ""), None, gettext("free"))
        else:
            yield Device(index, ("bad", "!"), None, gettext("unschedulable"))


def _read_out(devices: Iterable[Device]) -> str:
    """Runs of equal devices, for who does not see squares: ``0–3 train (mei), 4–7 free``."""
    parts = []
    for text, run in groupby(devices, key=lambda device: device.text):
        indexes = [device.index for device in run]
        numbers = str(indexes[0]) if len(indexes) == 1 else f"{indexes[0]}–{indexes[-1]}"
        parts.append(f"{numbers} {text}")
    return clauses(parts) or gettext("No devices")


def vc_cells(line: VcDevices) -> list[tuple[str, int]]:
    """Class and number of the squares of one device type of a virtual cluster."""
    firm = line.used - line.preemptible_used
    # Jobs may run on above what the VC can use now.
    blocked = min(line.unschedulable, max(0, line.devices - line.used))
    rest = max(0, line.devices - line.used - blocked - line.available)
    return [
        ("c1", firm),
        ("c8", line.preemptible_used),
        ("free", line.available),
        ("bad", blocked),
        ("lent", rest),
    ]
