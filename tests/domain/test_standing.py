"""Everything that a waiting job needs, with its numbers."""

from __future__ import annotations

from planner_words import GPU, NOW, cluster, held, job, node

from portal.domain.planning.planner import plan
from portal.domain.planning.snapshot import Demand, Snapshot, VcShare
from portal.domain.planning.standing import Check, Standing, Standings, lead_priority

FULL = held("busy", "a:0-7")


def of(snapshot: Snapshot, job_id: str) -> Standing:
    """The standing of one of the waiting jobs, as the planner leaves it."""
    found = plan(snapshot, NOW).waiting[job_id]
    waiting = {demand.job_id: demand for demand in snapshot.waiting}
    ahead = [waiting[other] for other in found.ahead]
    return Standings(snapshot).of(waiting[job_id], found, ahead)


def check(found: Standing, name: str) -> Check:
    return next(one for one in found.checks if one.name == name)


def test_every_check_has_its_numbers():
    red = VcShare("red", {GPU: 8}, {GPU: 8})
    found = of(cluster(node("a"), red, FULL, job("late", 4)), "late")
    assert [one.name for one in found.checks] == [
        *("free_devices", "queue", "vc_quota", "user_limit", "nodes"),
    ]
    assert check(found, "free_devices") == Check(
        "free_devices", True, {"free": 0, "devices": 8, "nodes": 1}
    )
    assert check(found, "queue") == Check("queue", False, {"ahead": 0})
    numbers = {"used": 8, "quota": 8, "needed": 4}
    assert check(found, "vc_quota") == Check("vc_quota", True, numbers)
    assert check(found, "user_limit").numbers == {"used": 8, "limit": 8, "needed": 4}
    assert check(found, "nodes") == Check("nodes", False, {"takes": 1, "nodes": 1})


def test_free_devices_that_do_not_lie_together_block():
    parts = [node("a"), node("b"), held("x", "a:0-4"), held("y", "b:0-4"), job("wide", 6)]
    found = check(of(cluster(*parts), "wide"), "free_devices")
    assert found.blocks
    assert found.numbers["free"] == 6


def test_devices_that_others_hold_preemptibly_do_not_count_against_a_firm_job():
    red = VcShare("red", {GPU: 8})
    parts = [node("a"), red, held("soft", "a:0-7", preemptible=True, stopping=True)]
    found = of(cluster(*parts, job("firm", 8)), "firm")
    assert check(found, "vc_quota") == Check(
        "vc_quota", False, {"used": 0, "quota": 8, "needed": 8}
    )
    assert check(found, "free_devices").blocks


def test_a_borrower_has_no_quota():
    parts = [node("a"), FULL, job("soft", 4, preemptible=True)]
    found = of(cluster(*parts, preemptible_scope="cluster"), "soft")
    assert "vc_quota" not in [one.name for one in found.checks]


def test_the_queue_tells_who_is_first_in_it():
    parts = [node("a"), FULL, job("first", 8, priority=150), job("second", 8)]
    found = of(cluster(*parts), "second")
    assert check(found, "queue") == Check("queue", True, {"ahead": 1, "priority": 150})
    assert found.lead_priority == 160
    assert of(cluster(*parts), "first").lead_priority is None


def test_no_priority_is_proposed_to_a_job_that_its_quota_can_never_hold():
    red = VcShare("red", {GPU: 8}, {GPU: 4})
    found = of(cluster(node("a"), red, FULL, job("first", 4), job("large", 5)), "large")
    assert found.lead_priority is None
    assert check(found, "user_limit") == Check(
        "user_limit", True, {"used": 8, "limit": 4, "needed": 5}
    )


def test_nodes_that_take_nothing_block():
    parts = [node("a", cordoned=True), node("b", ready=False), job("late", 1)]
    found = of(cluster(*parts), "late")
    assert check(found, "nodes") == Check("nodes", True, {"takes": 0, "nodes": 2})
    assert check(found, "free_devices").numbers == {"free": 0, "devices": 0, "nodes": 0}


def test_a_job_without_devices_needs_a_node_only():
    found = of(cluster(node("a", cordoned=True), job("plain", 0, device_type=None)), "plain")
    assert [one.name for one in found.checks] == ["queue", "nodes"]


def first(priority: int, *, preemptible: bool = False) -> Demand:
    return job("first", priority=priority, preemptible=preemptible)


def test_a_leading_priority_is_round_and_above_all():
    mine = job("mine")
    assert lead_priority(mine, []) is None
    assert lead_priority(mine, [first(100)]) == 110
    assert lead_priority(mine, [first(155), first(140)]) == 160
    assert lead_priority(mine, [first(990)]) == 1000
    assert lead_priority(mine, [first(991)]) == 1000
    assert lead_priority(mine, [first(1000)]) is None


def test_no_priority_brings_a_preemptible_job_before_a_firm_one():
    assert lead_priority(job("soft", preemptible=True), [first(1)]) is None
    assert lead_priority(job("soft", preemptible=True), [first(1, preemptible=True)]) == 10
