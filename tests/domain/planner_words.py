"""Short words for the planner's tests: ``node("a")``, ``job("j", devices=4)``, ``held(…)``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from portal.domain.planning.snapshot import Demand, Holding, Plan, Snapshot, VcShare
from portal.domain.resources import DeviceShape, Node, Slot

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
GPU, NPU = "gpu", "npu"
PLENTY = 50
SHAPES = {
    GPU: DeviceShape(per_node=8),
    NPU: DeviceShape(per_node=8, ring=4, counts=(0, 1, 2, 4, 8)),
}


def minutes_ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def node(name: str, devices: int = 8, kind: str | None = GPU, **more: Any) -> Node:
    return Node(name=name, device_type=kind, devices=devices, **more)


def job(job_id: str, devices: int = 1, *, waits: float = 1, **more: Any) -> Demand:
    """A waiting job; ``waits`` is in minutes, ``late=True`` makes it the last in order."""
    values: dict[str, Any] = {
        "job_id": job_id,
        "name": job_id,
        "vc": "red",
        "user": "alice",
        "device_type": GPU,
        "devices": devices,
        "replicas": 1,
        "preemptible": False,
        "priority": 100,
        "submitted_at": minutes_ago(waits),
        "waiting_since": minutes_ago(waits),
    }
    return Demand(**{**values, **more})


def held(job_id: str, *places: str, **more: Any) -> Holding:
    """A job that holds devices; a place is ``"node:0-3"`` or ``"node:5"``."""
    values: dict[str, Any] = {
        "job_id": job_id,
        "name": job_id,
        "vc": "red",
        "user": "alice",
        "device_type": GPU,
        "placement": tuple(slot(place) for place in places),
        "preemptible": False,
        "priority": 100,
        "admitted_at": minutes_ago(60),
    }
    return Holding(**{**values, **more})


def slot(place: str) -> Slot:
    name, _, indexes = place.partition(":")
    if not indexes:
        return Slot(name)
    first, _, last = indexes.partition("-")
    return Slot(name, tuple(range(int(first), int(last or first) + 1)))


def cluster(*parts: Node | Holding | Demand | VcShare, **more: Any) -> Snapshot:
    """A snapshot of these parts; the VCs red and blue have plenty unless VCs are given.

    That there is no shortage all the same is due to nodes of one device each, full of the work
    of a third VC (:func:`_elsewhere`).
    """
    nodes = [part for part in parts if isinstance(part, Node)]
    holding = [part for part in parts if isinstance(part, Holding)]
    vcs = {part.name: part for part in parts if isinstance(part, VcShare)}
    if not vcs:
        vcs = {name: VcShare(name, {GPU: PLENTY, NPU: PLENTY}) for name in ("red", "blue")}
        for kind in sorted({n.device_type for n in nodes if n.schedulable and n.device_type}):
            others, load = _elsewhere(kind, 2 * PLENTY)
            nodes += others
            holding.append(load)
    values: dict[str, Any] = {
        "nodes": tuple(nodes),
        "vcs": vcs,
        "holding": tuple(holding),
        "waiting": tuple(part for part in parts if isinstance(part, Demand)),
        "shapes": SHAPES,
    }
    return Snapshot(**{**values, **more})


def _elsewhere(kind: str, devices: int) -> tuple[list[Node], Holding]:
    nodes = [node(f"~{kind}-{number}", 1, kind) for number in range(devices)]
    places = (f"{one.name}:0" for one in nodes)
    return nodes, held(f"~{kind}", *places, vc="green", device_type=kind)


def started(made: Plan) -> dict[str, str]:
    """Who starts where, in words: ``{"j": "a:0-3"}``."""
    return {a.job_id: " ".join(_words(s) for s in a.placement) for a in made.admit}


def _words(place: Slot) -> str:
    if not place.devices:
        return place.node
    first, last = place.devices[0], place.devices[-1]
    if place.devices != tuple(range(first, last + 1)):
        return f"{place.node}:{','.join(map(str, place.devices))}"
    return f"{place.node}:{first}-{last}" if last > first else f"{place.node}:{first}"


def victims(made: Plan) -> dict[str, str]:
    """Who is preempted for whom."""
    return {preemption.job_id: preemption.for_job_id for preemption in made.preempt}


def reasons(made: Plan) -> dict[str, str]:
    """Why the others wait."""
    return {job_id: waiting.reason.code for job_id, waiting in made.waiting.items()}
