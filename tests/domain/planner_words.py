"""Short words for the planner's tests: ``node("a")``, ``job("j", devices=4)``, ``held(…)``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from portal.domain.resources import DeviceShape, Node, Slot
from portal.domain.snapshot import Demand, Holding, Plan, Snapshot, VcShare

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
GPU, NPU = "gpu", "npu"
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
    """A snapshot of these parts; the VCs red and blue have plenty unless they are given."""
    vcs = {name: VcShare(name, {GPU: 1000, NPU: 1000}) for name in ("red", "blue")}
    vcs |= {part.name: part for part in parts if isinstance(part, VcShare)}
    values: dict[str, Any] = {
        "nodes": tuple(part for part in parts if isinstance(part, Node)),
        "vcs": vcs,
        "holding": tuple(part for part in parts if isinstance(part, Holding)),
        "waiting": tuple(part for part in parts if isinstance(part, Demand)),
        "shapes": SHAPES,
    }
    return Snapshot(**{**values, **more})


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
