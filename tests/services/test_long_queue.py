"""A long queue: few rows written, few read, and the same answers as if all had been."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from house import BOTH_DATABASES, GPU, NPU, House, actor, body

from portal.domain.moment import rfc3339
from portal.domain.planning import Demand, Plan, Snapshot, order_key, plan
from portal.domain.reason import Reason
from portal.models import JobRow, NodeRow, VcMemberRow, VcRow, db
from portal.models.db import database, session
from portal.services.jobs.listing import JobQuery
from portal.services.queueing import heads, places, plans
from portal.services.queueing.outlook import LARGE, PATIENCE_S
from portal.testing import a_node

pytestmark = BOTH_DATABASES
ALL = 10**6
WRITES = ("INSERT", "UPDATE", "DELETE")


@contextmanager
def statements() -> Iterator[list[tuple[str, int]]]:
    """What this block says to the database, each with the number of rows it wrote."""
    handle: Any = db.database.obj
    execute, said = handle.execute_sql, []

    def run(sql: str, params: Any = None) -> Any:
        found = execute(sql, params)
        said.append((sql, found.rowcount if sql.startswith(WRITES) else 0))
        return found

    handle.execute_sql = run
    try:
        yield said
    finally:
        del handle.execute_sql


def many(house: House, number: int, **columns: Any) -> list[str]:
    """So many more jobs like one that was submitted, each a second later than the one before."""
    with session():
        first: Any = JobRow.select().where(JobRow.id == house.submit(**columns)).dicts().get()
        ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(number)]
        rows = [
            {**first, "id": job_id, "submitted_at": house.now + timedelta(seconds=n + 1)}
            for n, job_id in enumerate(ids)
        ]
        for begin in range(0, number, 300):
            JobRow.insert_many(rows[begin : begin + 300]).execute()
    return ids


@pytest.mark.parametrize("waiting", [60, 240])
def test_one_job_that_ends_writes_as_much_whatever_waits(house: House, waiting: int) -> None:
    running = house.run(device_type=GPU, devices=4)
    ids = many(house, waiting, device_type=GPU, devices=4)
    house.work()
    assert house.noted(ids[-1]) == "vc_quota"
    house.cluster.finish(house.ref(running))
    with statements() as said:
        house.look()
    assert sum(rows for _, rows in said) <= 50
    with session():
        told = house.portal.jobs.get(actor("alice"), ids[-1])
    assert told["queue_position"] == waiting
    assert len(told["ahead"]) == 10


def random_queue(house: House, chance: random.Random) -> None:
    """Jobs of few kinds, many of each; some have waited too long, some are tried again later."""
    house.cluster.set_nodes(*(a_node(f"gpu-{n}", devices=chance.choice([4, 8])) for n in range(4)))
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
        for vc in ("vision", "platform"):
            limit = chance.choice([{}, {GPU: 3}])
            quota = {GPU: chance.choice([4, 12, 24]), NPU: 2}
            VcRow.update(quota=quota, user_limit=limit).where(VcRow.name == vc).execute()
    for _ in range(6):
        wish = {"vc": chance.choice(["vision", "platform"]), "device_type": GPU}
        house.run(**wish, devices=1, preemptible=chance.random() < 0.6)
    first = house.submit(device_type=GPU, devices=1)
    with session():
        like: Any = JobRow.select().where(JobRow.id == first).dicts().get()
        JobRow.delete().where(JobRow.id == first).execute()
        rows = [_random_row(house, chance, n, like) for n in range(120)]
        for row in rows:
            JobRow.insert(**row).execute()


def _random_row(house: House, chance: random.Random, n: int, like: dict[str, Any]) -> Any:
    since = house.now - timedelta(seconds=chance.choice([0, 0, 30, 599, 600, 601, 5000]))
    device_type = chance.choice([GPU] * 12 + [NPU, None])
    later = house.now + timedelta(seconds=chance.choice([-5, 60]))
    return {
        **like,
        "id": f"{chance.getrandbits(32):08x}-0000-4000-8000-{n:012}",
        "vc": chance.choice(["vision", "vision", "platform", "gone"]),
        "username": chance.choice(["alice", "bob", "carol"]),
        "device_type": device_type,
        "devices": chance.choice([1, 1, 2, 4, 8]) if device_type else 0,
        "nodes": chance.choice([1, 1, 1, 2]),
        "preemptible": chance.random() < 0.4,
        "priority": chance.choice([50, 100, 100, 500]),
        "submitted_at": since,
        "waiting_since": since,
        "not_before": later if chance.random() < 0.05 else None,
    }


def everything(house: House, snapshot: Snapshot) -> Snapshot:
    """``snapshot`` with all that wait, also those of owners who may not start anything."""
    every = heads.first(heads.numbers(snapshot.vcs, ()), ALL, house.now, ())
    return replace(snapshot, waiting=tuple({**every, **heads.apart()[0]}.values()))


@pytest.mark.parametrize("seed", range(12))
def test_the_first_of_each_request_make_the_plan_that_all_make(house: House, seed: int) -> None:
    random_queue(house, random.Random(seed))
    with session():
        taken, made = plans.make(house.portal.snapshots, house.now)
        whole = everything(house, taken.snapshot)
    expected = plan(whole, house.now)
    assert taken.waiting == len(whole.waiting) == 120
    assert len(taken.snapshot.waiting) < len(whole.waiting)
    assert set(whole.barred) == {("vision", "carol")}
    assert all(one.not_before for one in taken.snapshot.waiting if whole.bar_of(one))
    assert (made.admit, made.preempt) == (expected.admit, expected.preempt)
    known = {demand.job_id for demand in taken.snapshot.waiting}
    for demand in whole.waiting:
        if demand.job_id in expected.waiting:
            reason = _reason(demand, made, taken.snapshot, known)
            assert reason == expected.waiting[demand.job_id].reason
        else:
            assert demand.job_id in known


def _reason(demand: Demand, made: Plan, snapshot: Snapshot, known: set[str]) -> Any:
    if demand.job_id in known:
        return made.waiting[demand.job_id].reason
    if snapshot.bar_of(demand) is not None:
        return snapshot.bar_of(demand)
    return made.refused[snapshot.request_of(demand)]


@pytest.mark.parametrize("seed", range(4))
def test_places_are_those_of_the_planners_order(house: House, seed: int) -> None:
    random_queue(house, random.Random(seed))
    lines: dict[tuple[str, str | None], list[Demand]] = defaultdict(list)
    with session():
        whole = everything(house, house.portal.snapshots.take().snapshot)
        waiting, barred = whole.waiting, whole.barred
        counted = places.positions([places.place_of(demand) for demand in waiting], barred)
        one = random.Random(seed).choice(waiting)
        before = places.ahead(places.place_of(one), (), barred)
    assert any(whole.bar_of(demand) for demand in waiting)
    for demand in sorted(waiting, key=order_key):
        line = lines[places.place_of(demand).line]
        assert counted[demand.job_id] == len(line) + 1
        if demand is one:
            assert [d.job_id for d in before] == [d.job_id for d in line][:10]
        if whole.bar_of(demand) is None:
            line.append(demand)


def test_a_preview_is_planned_once_for_all_that_ask_for_the_same(house: House) -> None:
    house.run(device_type=GPU, devices=4)
    house.work()
    wish = {"device_type": GPU, "devices": 2}
    found = []
    with session():
        jobs = house.portal.jobs
        for who, name in (("alice", "one"), ("alice", "another"), ("bob", "third")):
            with statements() as said:
                found.append(jobs.preview(actor(who), body(**wish, name=name)))
            held = [sql for sql, _ in said if '"placement"' in sql]
            assert bool(held) == (len(found) == 1), "what is held is read for the first only"
    assert {seen.reason and seen.reason.message for seen in found} == {found[0].reason.message}
    assert [seen.position for seen in found] == [1, 1, 1]
    house.submit(device_type=GPU, devices=1)
    house.advance(1)
    with session():
        assert jobs.preview(actor("bob"), body(**wish)).position == 2


def test_where_very_many_wait_an_answer_is_good_for_a_moment(house: House) -> None:
    house.run(device_type=GPU, devices=4)
    many(house, LARGE, device_type=GPU, devices=4)

    def starts() -> bool:
        wish = body(vc="platform", device_type=GPU, devices=1)
        with session():
            return bool(house.portal.jobs.preview(actor("carol"), wish).starts_now)

    assert starts()
    with session():
        NodeRow.update(cordoned=True).where(NodeRow.device_type == GPU).execute()
    house.advance(PATIENCE_S - 0.5)
    assert starts()
    house.advance(0.5)
    assert not starts()


def test_no_look_at_the_queue_walks_through_all_jobs(house: House) -> None:
    """SQLite says by which index it goes; its planner is the simpler one of the two."""
    if database.param != "?":
        pytest.skip("the plan of PostgreSQL depends on what it has counted")
    many(house, 30, device_type=GPU, devices=4)
    with session():
        demand = house.portal.snapshots.take().snapshot.waiting[0]
        with statements() as said:
            house.portal.snapshots.take()
            heads.changes()
            heads.next_due(house.now)
            places.positions([places.place_of(demand)])
            places.ahead(places.place_of(demand), ())
            barred = [("vision", "carol")]
            requests = heads.numbers({}, barred)
            heads.first(requests, 1, house.now, barred)
            places.positions([places.place_of(demand)], barred)
            places.ahead(places.place_of(demand), (), barred)
        asked = [sql for sql, _ in said if "state = 'queued'" in sql]
        assert len(asked) >= 12
        for sql in asked:
            marks = [0] * sql.count("?")
            steps = [row[3] for row in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", marks)]
            tables = [step for step in steps if " job " in f"{step} "]
            assert tables
            assert all(" INDEX job_" in step for step in tables), steps


def leave(house: House, who: str) -> None:
    """``who`` is no longer a member of vision."""
    VcMemberRow.delete().where(VcMemberRow.name == who).execute()


def test_jobs_of_who_may_not_start_are_ahead_of_nobody(house: House) -> None:
    running = house.run(device_type=GPU, devices=4)
    many(house, 40, device_type=GPU, devices=4)
    house.advance(60)
    mine = house.submit("bob", device_type=GPU, devices=4)
    house.work()
    with session():
        leave(house, "alice")
        house.portal.admitter.admit()
        told = house.portal.jobs.get(actor("root"), mine)
        assert (told["reason"]["code"], told["queue_position"], told["ahead"]) == (
            "vc_quota",
            1,
            [],
        )
        query = JobQuery(scope="all", statuses=("queued",), limit=100)
        listed = house.portal.jobs.page(actor("root"), query).items
        codes = Counter((job["user"], job["reason"]["code"]) for job in listed)
        assert codes == {("alice", "owner"): 41, ("bob", "vc_quota"): 1}
        assert {job["queue_position"] for job in listed} == {1}
    house.cluster.finish(house.ref(running))
    house.look()
    assert house.state(mine) in ("scheduling", "running")


def test_what_a_row_says_of_its_job_alone_outlives_the_loss_of_the_right(house: House) -> None:
    """The trouble of its last start is told again; a place that was kept is not."""
    trouble = Reason("cluster_quota", {"tries": 3, "detail": "exceeded quota: gpus"})
    house.run(device_type=GPU, devices=4)
    later, kept = (house.submit("bob", device_type=GPU, devices=4) for _ in range(2))
    with session():
        until = house.now + timedelta(seconds=60)
        JobRow.update(reason=trouble.dump(), not_before=until).where(JobRow.id == later).execute()
        place = [{"node": "gpu-1", "devices": [0, 1, 2, 3]}]
        told = {"reason": Reason("preempting", {"devices": 4}).dump(), "reserved": place}
        JobRow.update(**told).where(JobRow.id == kept).execute()
        leave(house, "bob")
        house.portal.admitter.admit()
    assert (house.noted(later), house.noted(kept)) == ("owner", "owner")
    with session():
        VcMemberRow.insert(vc="vision", kind="user", name="bob").execute()
        house.portal.admitter.admit()
    assert (house.noted(later), house.noted(kept)) == ("cluster_quota", "vc_quota")
    assert house.job(later).reason == Reason(
        "cluster_quota", {**trouble.numbers, "until": rfc3339(until)}
    )


def test_one_whose_rights_were_not_read_is_not_planned(house: House) -> None:
    """Of who comes in while the queue is read, nobody knows yet whether he may start."""
    house.submit("alice", device_type=GPU, devices=1)
    read, late = house.portal.snapshots._owners, []

    class Slow:
        def barred(self, owners: Any) -> Any:
            found = read.barred(owners)
            if not late:
                late.append(house.submit("bob", device_type=GPU, devices=1))
                JobRow.update(username="carol").where(JobRow.id == late[0]).execute()
            return found

    house.portal.snapshots._owners = Slow()
    with session():
        taken = house.portal.snapshots.take()
    assert late
    assert [demand.user for demand in taken.snapshot.waiting] == ["alice"]
    assert set(taken.snapshot.barred) == {("vision", "carol")}
