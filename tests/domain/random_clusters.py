"""Random small clusters for the planner's tests: every one could really be met."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from portal.domain.planning.snapshot import Demand, Holding, Snapshot, VcShare
from portal.domain.resources import DeviceShape, Node, Slot

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SHAPES = {
    "gpu": DeviceShape(per_node=8),
    "npu": DeviceShape(per_node=8, ring=4, counts=(0, 1, 2, 4, 8)),
}
COUNTS = {"gpu": (1, 2, 3, 4, 5, 8), "npu": (1, 2, 4, 8)}
VCS = ("red", "blue")
USERS = ("alice", "bob")


def minutes_ago(minutes: int) -> datetime:
    return NOW - timedelta(minutes=minutes)


@st.composite
def snapshots(draw: st.DrawFn, max_waiting: int = 8, kinds: tuple[str, ...] = ()) -> Snapshot:
    """A cluster with holders in legal places and some waiting jobs."""
    used_kinds = kinds or draw(st.sampled_from([("gpu",), ("npu",), ("gpu", "npu")]))
    nodes = draw(st.lists(_nodes(used_kinds), min_size=1, max_size=5))
    nodes = [_named(node, number) for number, node in enumerate(nodes)]
    return Snapshot(
        nodes=tuple(nodes),
        vcs=draw(_vcs(used_kinds, nodes)),
        holding=tuple(draw(_holders(nodes))),
        waiting=tuple(
            draw(_demand(n, used_kinds)) for n in range(draw(st.integers(0, max_waiting)))
        ),
        shapes=SHAPES,
        preemptible_scope=draw(st.sampled_from(["vc", "cluster"])),
        starvation_guard_s=600,
    )


@st.composite
def _nodes(draw: st.DrawFn, kinds: tuple[str, ...]) -> Node:
    fate = draw(st.integers(0, 11))
    return Node(
        name="",
        device_type=draw(st.sampled_from(kinds)),
        devices=draw(st.sampled_from([4, 8, 8, 8])),
        ready=fate != 0,
        cordoned=fate == 1,
        foreign_devices=1 if fate == 2 else 0,
    )


def _named(node: Node, number: int) -> Node:
    return Node(
        name=f"n{number}",
        device_type=node.device_type,
        devices=node.devices,
        ready=node.ready,
        cordoned=node.cordoned,
        foreign_devices=node.foreign_devices,
    )


@st.composite
def _vcs(draw: st.DrawFn, kinds: tuple[str, ...], nodes: list[Node]) -> dict[str, VcShare]:
    """Quotas that share all devices, open nodes or not; or any numbers, as after a loss."""
    quotas: dict[str, dict[str, int]] = {name: {} for name in VCS}
    for kind in kinds:
        total = sum(node.devices for node in nodes if node.device_type == kind)
        if draw(st.integers(0, 2)):
            red = draw(st.integers(0, total))
            numbers = [red, total - red]
        else:
            numbers = [draw(st.sampled_from([0, 4, 7, 8, 16, 24, 40])) for _ in VCS]
        for name, number in zip(VCS, numbers, strict=True):
            quotas[name][kind] = number
    return {name: VcShare(name, quotas[name], draw(_limits(kinds))) for name in VCS}


@st.composite
def _limits(draw: st.DrawFn, kinds: tuple[str, ...]) -> dict[str, int]:
    return dict.fromkeys(kinds, 8) if draw(st.integers(0, 3)) == 0 else {}


@st.composite
def _holders(draw: st.DrawFn, nodes: list[Node]) -> list[Holding]:
    """Jobs that hold devices: most on one node, some on several nodes of a type."""
    holders: list[Holding] = []
    loose: dict[str, list[Slot]] = {}
    for node in nodes:
        free = list(range(max(0, node.devices - node.foreign_devices)))
        free = draw(st.permutations(free)) if draw(st.booleans()) else free
        for count in draw(st.lists(st.sampled_from([1, 2, 4]), max_size=5)):
            if count > len(free):
                continue
            slot = Slot(node.name, tuple(sorted(free[:count])))
            free = free[count:]
            assert node.device_type is not None
            loose.setdefault(node.device_type, []).append(slot)
    for kind, slots in sorted(loose.items()):
        slots = list(draw(st.permutations(slots)))
        while slots:
            size = 2 if draw(st.integers(0, 4)) == 0 else 1
            placement, slots = tuple(slots[:size]), slots[size:]
            holders.append(draw(_holding(len(holders), kind, placement)))
    return holders


@st.composite
def _holding(draw: st.DrawFn, number: int, kind: str, placement: tuple[Slot, ...]) -> Holding:
    return Holding(
        job_id=f"h{number}",
        name="held",
        vc=draw(st.sampled_from(VCS)),
        user=draw(st.sampled_from(USERS)),
        device_type=kind,
        placement=placement,
        preemptible=draw(st.booleans()),
        priority=draw(st.sampled_from([50, 100])),
        admitted_at=minutes_ago(draw(st.integers(1, 3))),
        stopping=draw(st.integers(0, 5)) == 0,
    )


@st.composite
def _demand(draw: st.DrawFn, number: int, kinds: tuple[str, ...]) -> Demand:
    kind = draw(st.sampled_from(kinds))
    since = minutes_ago(draw(st.integers(0, 20)))
    later = draw(st.integers(0, 9)) == 0
    no_devices = draw(st.integers(0, 9)) == 0
    return Demand(
        job_id=f"w{number}",
        name="waiting",
        vc=draw(st.sampled_from([*VCS, *VCS, *VCS, "gone"])),
        user=draw(st.sampled_from(USERS)),
        device_type=draw(st.sampled_from([kind, None])) if no_devices else kind,
        devices=0 if no_devices else draw(st.sampled_from(COUNTS[kind])),
        replicas=draw(st.sampled_from([1, 1, 1, 2, 3])),
        preemptible=draw(st.booleans()),
        priority=draw(st.sampled_from([50, 100])),
        submitted_at=since,
        waiting_since=since,
        not_before=NOW + timedelta(seconds=5) if later else None,
    )


def crowded(seed: int, kinds: tuple[str, ...] = ("gpu", "npu")) -> Snapshot:
    """A cluster where much is held and much is wanted: preemption is common."""
    rng = random.Random(seed)
    kind = rng.choice(kinds)
    nodes = [
        Node(f"n{n}", device_type=kind, devices=rng.choice((4, 8, 8, 8)))
        for n in range(rng.randint(2, 5))
    ]
    slots = []
    for node in nodes:
        free = list(range(node.devices))
        if rng.random() < 0.3:
            rng.shuffle(free)
        while free:
            count = min(rng.choice((1, 1, 2, 2, 4)), len(free))
            if rng.random() < 0.85:
                slots.append(Slot(node.name, tuple(sorted(free[:count]))))
            free = free[count:]
    rng.shuffle(slots)
    holders = []
    while slots:
        size = rng.choice((1, 1, 1, 1, 2, 3))
        placement, slots = tuple(slots[:size]), slots[size:]
        holders.append(
            Holding(
                job_id=f"h{len(holders)}",
                name="held",
                vc=rng.choice(VCS),
                user=rng.choice(USERS),
                device_type=kind,
                placement=placement,
                preemptible=rng.random() < 0.75,
                priority=rng.choice((50, 100)),
                admitted_at=minutes_ago(rng.randint(1, 9)),
                stopping=rng.random() < 0.08,
            )
        )
    total = sum(node.devices for node in nodes)
    closed = rng.random() < 0.4
    return Snapshot(
        nodes=tuple(
            replace(node, cordoned=closed and rng.random() < 0.4, ready=rng.random() > 0.03)
            for node in nodes
        ),
        vcs={
            name: VcShare(
                name,
                {kind: rng.choice((total // 4, total // 2, total))},
                {kind: rng.choice((4, 8, 16))} if rng.random() < 0.2 else {},
            )
            for name in VCS
        },
        holding=tuple(holders),
        waiting=tuple(_wanted(rng, number, kind) for number in range(rng.randint(2, 12))),
        shapes=SHAPES,
        preemptible_scope=rng.choice(("vc", "cluster")),
    )


def _wanted(rng: random.Random, number: int, kind: str) -> Demand:
    since = minutes_ago(rng.randint(0, 20))
    return Demand(
        job_id=f"w{number}",
        name="waiting",
        vc=rng.choice(VCS),
        user=rng.choice(USERS),
        device_type=kind,
        devices=rng.choice(COUNTS[kind]),
        replicas=rng.choice((1, 1, 1, 2, 3)),
        preemptible=rng.random() < 0.3,
        priority=rng.choice((50, 100)),
        submitted_at=since,
        waiting_since=since,
    )
