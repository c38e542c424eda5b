"""What every plan keeps to, on random clusters."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from random_clusters import NOW, crowded, snapshots

from portal.domain.planning.planner import plan, preview
from portal.domain.planning.queue_order import order_key
from portal.domain.planning.shortage import Shares
from portal.domain.planning.snapshot import Admission, Demand, Holding, Plan, Snapshot
from portal.domain.resources import Slot

CLUSTERS = st.one_of(snapshots(max_waiting=12), st.builds(crowded, st.integers(0, 10_000)))
NOT_PLACED = {"vc_quota", "vc_shortage", "no_free_devices", "no_fitting_node", "gang"}


def by_id(snapshot: Snapshot) -> dict[str, Demand]:
    return {demand.job_id: demand for demand in snapshot.waiting}


def as_holding(demand: Demand, admission: Admission) -> Holding:
    return Holding(
        job_id=demand.job_id,
        name=demand.name,
        vc=demand.vc,
        user=demand.user,
        device_type=demand.device_type,
        placement=admission.placement,
        preemptible=demand.preemptible,
        priority=demand.priority,
        admitted_at=NOW,
    )


def as_demand(job: Holding) -> Demand:
    return Demand(
        job_id=job.job_id,
        name=job.name,
        vc=job.vc,
        user=job.user,
        device_type=job.device_type,
        devices=len(job.placement[0].devices),
        replicas=len(job.placement),
        preemptible=job.preemptible,
        priority=job.priority,
        submitted_at=job.admitted_at,
        waiting_since=NOW,
    )


def after(snapshot: Snapshot, made: Plan) -> Snapshot:
    """The next snapshot: what was admitted runs, what was going has gone."""
    demands = by_id(snapshot)
    victims = {preemption.job_id for preemption in made.preempt}
    started = [as_holding(demands[a.job_id], a) for a in made.admit]
    left = [job for job in snapshot.holding if not job.stopping and job.job_id not in victims]
    back = [as_demand(job) for job in snapshot.holding if job.job_id in victims]
    still = [
        replace(demands[job_id], reserved=waiting.reserved)
        for job_id, waiting in made.waiting.items()
    ]
    return replace(snapshot, holding=(*left, *started), waiting=(*still, *back))


def devices_of(slots: Iterable[Slot]) -> Counter[tuple[str, int]]:
    return Counter((slot.node, index) for slot in slots for index in slot.devices)


@given(CLUSTERS)
def test_every_job_is_admitted_or_waits(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    admitted = [admission.job_id for admission in made.admit]
    assert sorted([*admitted, *made.waiting]) == sorted(by_id(snapshot))


@given(CLUSTERS)
def test_never_above_a_node(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    nodes = {node.name: node for node in snapshot.nodes}
    held = devices_of(slot for job in snapshot.holding for slot in job.placement)
    given_out = devices_of(slot for admission in made.admit for slot in admission.placement)
    reserved = devices_of(slot for w in made.waiting.values() for slot in w.reserved)
    assert max((given_out + reserved).values(), default=0) <= 1, "nothing is given out twice"
    assert not given_out.keys() & held.keys()
    in_use = Counter(node for node, _ in [*held, *given_out])
    for node, _ in given_out:
        assert in_use[node] + nodes[node].foreign_devices <= nodes[node].devices
    for admission in made.admit:
        demand = by_id(snapshot)[admission.job_id]
        assert len(admission.placement) == demand.replicas, "all replicas or none"
        for slot in admission.placement:
            assert nodes[slot.node].schedulable
            assert len(slot.devices) == demand.devices
            assert all(index < nodes[slot.node].devices for index in slot.devices)
            if demand.devices:
                assert nodes[slot.node].device_type == demand.device_type


@given(CLUSTERS)
def test_rings_are_kept(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    slots = [slot for admission in made.admit for slot in admission.placement]
    slots += [slot for waiting in made.waiting.values() for slot in waiting.reserved]
    nodes = {node.name: node for node in snapshot.nodes}
    for slot in slots:
        if slot.devices and nodes[slot.node].device_type == "npu":
            rings = {index // 4 for index in slot.devices}
            assert len(rings) == 1 or len(slot.devices) == nodes[slot.node].devices


@given(CLUSTERS)
def test_never_above_quota_or_limit(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    demands = by_id(snapshot)
    running = [as_holding(demands[a.job_id], a) for a in made.admit]
    everyone = [*snapshot.holding, *running]
    for new in running:
        if not new.total_devices or new.device_type is None:
            continue
        share = snapshot.vcs[new.vc]
        same = [j for j in everyone if (j.vc, j.device_type) == (new.vc, new.device_type)]
        firm = sum(job.total_devices for job in same if not job.preemptible)
        if not new.preemptible:
            assert firm <= share.quota.get(new.device_type, 0)
        if snapshot.preemptible_scope == "vc":
            assert sum(j.total_devices for j in same) <= share.quota.get(new.device_type, 0)
        limit = share.user_limit.get(new.device_type)
        if limit is not None:
            assert sum(j.total_devices for j in same if j.user == new.user) <= limit


@given(CLUSTERS)
def test_never_above_a_part_of_what_is_left(snapshot: Snapshot) -> None:
    """Nobody eats another's share of a shortage, by whatever starts, now or after this plan."""
    made = plan(snapshot, NOW)
    shares = Shares(snapshot.nodes, snapshot.vcs.values())
    demands = by_id(snapshot)
    later = after(snapshot, made)
    running = [as_holding(demands[a.job_id], a) for a in made.admit]
    soon = [
        as_holding(demands[job_id], Admission(job_id, waiting.reserved))
        for job_id, waiting in made.waiting.items()
        if waiting.reserved
    ]
    for new, everyone in [
        *((job, [*snapshot.holding, *running]) for job in running),
        *((job, [*later.holding, *soon]) for job in soon),
    ]:
        kind = new.device_type
        if kind is None or (new.preemptible and snapshot.preemptible_scope == "cluster"):
            continue
        both = new.preemptible or snapshot.preemptible_scope == "vc"
        held = sum(
            shares.held_open(kind, job.placement)
            for job in everyone
            if (job.vc, job.device_type) == (new.vc, kind) and (both or not job.preemptible)
        )
        assert held <= shares.part(new.vc, kind) or not new.total_devices


@given(CLUSTERS, st.integers(0, 2**32))
def test_the_order_of_the_parts_does_not_matter(snapshot: Snapshot, seed: int) -> None:
    rng = random.Random(seed)

    def mixed(parts: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(rng.sample(parts, len(parts)))

    other = replace(
        snapshot,
        nodes=mixed(snapshot.nodes),
        holding=mixed(snapshot.holding),
        waiting=mixed(snapshot.waiting),
        vcs=dict(mixed(tuple(snapshot.vcs.items()))),
    )
    assert plan(other, NOW) == plan(snapshot, NOW)


@given(CLUSTERS)
def test_only_running_preemptible_jobs_are_preempted(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    holders = {job.job_id: job for job in snapshot.holding}
    victims = [holders[preemption.job_id] for preemption in made.preempt]
    assert all(job.preemptible and not job.stopping for job in victims)
    assert len({job.job_id for job in victims}) == len(victims)
    for preemption in made.preempt:
        assert not by_id(snapshot)[preemption.for_job_id].preemptible
        assert made.waiting[preemption.for_job_id].reason.code == "preempting"
        assert made.waiting[preemption.for_job_id].reserved


@given(CLUSTERS)
@settings(max_examples=300)
def test_preemption_leads_to_a_start(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    if any(waiting.reason.code == "user_limit" for waiting in made.waiting.values()):
        # When a victim's user waits at his own limit with a job that is further ahead, that
        # job may start in the place: the order stands above the reservation.
        return
    later = plan(after(snapshot, made), NOW)
    admitted = {admission.job_id: admission.placement for admission in later.admit}
    for job_id, waiting in made.waiting.items():
        if waiting.reserved and not by_id(snapshot)[job_id].preemptible:
            assert admitted.get(job_id) == waiting.reserved


@given(CLUSTERS)
@settings(max_examples=300)
def test_nobody_is_preempted_without_need(snapshot: Snapshot) -> None:
    for demand in snapshot.waiting:
        alone = replace(snapshot, waiting=(demand,))
        made = plan(alone, NOW)
        victims = {preemption.job_id for preemption in made.preempt}
        for spared in victims:
            fewer = [
                job
                for job in snapshot.holding
                if job.job_id == spared or not (job.stopping or job.job_id in victims)
            ]
            assert not plan(replace(alone, holding=tuple(fewer)), NOW).admit


@given(CLUSTERS)
def test_every_wait_is_explained(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    for waiting in made.waiting.values():
        assert "%(" not in waiting.reason.message
        assert waiting.reason.message != waiting.reason.template or "%" not in (
            waiting.reason.template
        )


@given(CLUSTERS)
def test_places_in_line_are_counted_from_one(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    lines: dict[tuple[str, str | None], list[Demand]] = {}
    for demand in sorted(snapshot.waiting, key=order_key):
        if demand.job_id in made.waiting:
            kind = demand.device_type if demand.devices else None
            lines.setdefault((demand.vc, kind), []).append(demand)
    for line in lines.values():
        ids = [demand.job_id for demand in line]
        for place, job_id in enumerate(ids):
            assert made.waiting[job_id].position == place + 1
            assert made.waiting[job_id].ahead == tuple(ids[:place][:10])


@given(CLUSTERS)
@settings(max_examples=300)
def test_who_has_waited_too_long_is_not_overtaken(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    admitted = {admission.job_id: admission for admission in made.admit}
    for job_id, waiting in made.waiting.items():
        starving = by_id(snapshot)[job_id]
        age = (NOW - starving.waiting_since).total_seconds()
        if age <= snapshot.starvation_guard_s or waiting.reason.code not in NOT_PLACED:
            continue
        empty = replace(snapshot, holding=(), waiting=(replace(starving, replicas=1),))
        if not plan(replace(empty, waiting=(starving,)), NOW).admit:
            continue
        for later in snapshot.waiting:
            same = (later.vc, later.device_type, later.preemptible) == (
                starving.vc,
                starving.device_type,
                starving.preemptible,
            )
            if (
                same
                and later.devices
                and later.job_id in admitted
                and order_key(later) > order_key(starving)
            ):
                assert waiting.reason.code not in ("vc_quota", "vc_shortage")
                used = {slot.node for slot in admitted[later.job_id].placement}
                for node in (node for node in snapshot.nodes if node.name in used):
                    assert not plan(replace(empty, nodes=(node,)), NOW).admit


@given(CLUSTERS)
def test_a_preview_says_what_the_plan_will_say(snapshot: Snapshot) -> None:
    made = plan(snapshot, NOW)
    admitted = {admission.job_id: admission for admission in made.admit}
    for demand in snapshot.waiting:
        others = tuple(other for other in snapshot.waiting if other is not demand)
        answer = preview(replace(snapshot, waiting=others), demand, NOW)
        assert answer == (admitted.get(demand.job_id) or made.waiting[demand.job_id])


@given(CLUSTERS)
def test_nothing_starts_while_the_cluster_does_not_answer(snapshot: Snapshot) -> None:
    made = plan(replace(snapshot, cluster_reachable=False, cluster_seen_at=NOW), NOW)
    assert not made.admit
    assert not made.preempt
    assert {w.reason.code for w in made.waiting.values()} <= {"cluster_unreachable"}
