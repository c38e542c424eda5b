"""Several at once on a real database: one wins, nothing is done twice, nothing is lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from house import BOTH_DATABASES, GPU, House, actor, body

from portal.domain.errors import AoliError, Conflict, PriorityClash, TemporaryFailure
from portal.domain.job import Job
from portal.domain.job_state import JobState, Trigger, next_state
from portal.models import AuditRow, JobEventRow, JobRow, VcRow
from portal.models.db import session
from portal.services.jobs import priority as job_priority
from portal.services.records import inventory, job_store
from portal.services.vcs import reading as virtual_clusters
from portal.testing import a_node

pytestmark = BOTH_DATABASES


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run the calls in threads of their own, begun together; results and errors in order."""
    barrier = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def run(number: int, call: Callable[[], object]) -> None:
        with session():
            barrier.wait()
            try:
                results[number] = call()
            except Exception as error:
                results[number] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_one_transition_wins(house: House) -> None:
    job = house.job(house.submit())

    def move() -> bool:
        return job_store.transition(job, Trigger.ADMIT, house.now, reason=None, placement=[])

    results = at_once(*[move] * 8)
    assert sorted(map(str, results)) == ["False"] * 7 + ["True"]
    after = house.job(job.id)
    assert (after.state, after.version, after.attempt) == ("scheduling", 2, 1)
    with session():
        assert JobEventRow.select().where(JobEventRow.job == job.id).count() == 2


@pytest.mark.parametrize("old", [{"version": 7}, {"state": JobState.SCHEDULING, "version": 1}])
def test_an_old_picture_changes_nothing(house: House, old: dict[str, object]) -> None:
    job = house.job(house.submit())
    stale: Job = replace(job, **old)  # type: ignore[arg-type]
    with session():
        trigger = Trigger.KILL
        assert next_state(stale.state, trigger)
        assert not job_store.transition(stale, trigger, house.now, reason=None)
        assert not job_store.note(stale, launch_tries=9)
        assert JobEventRow.select().where(JobEventRow.job == job.id).count() == 1
    assert house.job(job.id) == job


def test_two_passes_that_saw_the_same_moment(house: House) -> None:
    """The second plan is thrown away, also where its own transitions would still succeed."""
    first = house.submit(device_type=GPU, devices=4)
    with session():
        epoch = inventory.plan_epoch("lab")
        snapshot = house.portal.snapshots.take().snapshot
    house.advance(1)
    second = house.submit(device_type=GPU, devices=4)
    house.work()
    assert house.state(first) == "scheduling"
    from portal.domain.planning.planner import plan

    late = plan(
        replace(snapshot, waiting=(replace(snapshot.waiting[0], job_id=second),)), house.now
    )
    assert [admission.job_id for admission in late.admit] == [second]
    with session():
        assert house.portal.admitter._enforce(late, epoch) is None
    assert house.state(second) == "queued"
    house.work()
    assert house.state(second) == "queued"


@pytest.mark.parametrize("seed", range(5))
def test_workers_that_admit_at_once_never_give_a_device_twice(house: House, seed: int) -> None:
    chance = random.Random(seed)
    ids = [
        house.submit(
            chance.choice(["alice", "bob"]), device_type=GPU, devices=chance.choice([1, 2])
        )
        for _ in range(12)
    ]
    at_once(*[house.portal.admitter.admit] * 4)
    house.work()
    admitted = [job for job in map(house.job, ids) if job.state is JobState.SCHEDULING]
    assert all(job.attempt == 1 for job in admitted)
    taken = [
        (slot.node, index) for job in admitted for slot in job.placement for index in slot.devices
    ]
    assert len(taken) == len(set(taken)) == 4
    with session():
        assert virtual_clusters.used_devices() == {("vision", GPU): 4}
    assert len({launch.ref for launch in house.cluster.launches}) == len(admitted)


def test_workers_that_drive_at_once_launch_one_attempt(house: House) -> None:
    job_id = house.submit()
    with session():
        house.portal.admitter.admit()
    results = at_once(*[lambda: house.portal.driver.drive(job_id)] * 4)
    assert results == [None] * 4
    assert {launch.ref.attempt for launch in house.cluster.launches} == {1}
    assert len(house.cluster.observe(house.ref(job_id)).replicas) == 1
    assert house.job(job_id).launched_at == house.now


def test_users_who_act_at_once(house: House) -> None:
    job_id = house.run()
    jobs, alice = house.portal.jobs, actor("alice")
    results = at_once(*[lambda: jobs.act(alice, job_id, "kill")] * 4)
    done = [result for result in results if isinstance(result, dict)]
    assert len(done) == 1
    assert all(isinstance(result, Conflict) for result in results if result not in done)
    house.look()
    assert house.state(job_id) == "killed"


PAIRS = 20


def test_of_two_who_change_a_priority_that_they_saw_one_is_told(house: House) -> None:
    job_id, jobs = house.submit(), house.portal.jobs
    now = house.job(job_id).spec.priority
    for number in range(PAIRS):
        wanted = (200 + 2 * number, 201 + 2 * number)
        results = at_once(
            *[
                lambda who=who, value=value, then=now: jobs.set_priority(
                    actor(who), job_id, value, then
                )
                for who, value in zip(("alice", "root"), wanted, strict=True)
            ]
        )
        done = [found for found in results if isinstance(found, dict)]
        clashes = [found for found in results if isinstance(found, PriorityClash)]
        assert (len(done), len(clashes)) == (1, 1), results
        now = house.job(job_id).spec.priority
        assert wanted[results.index(done[0])] == now == clashes[0].value


def test_changes_of_a_priority_at_once_follow_each_other(house: House) -> None:
    """Who says nothing of what he saw is never refused, and none of them is lost."""
    job_id, jobs = house.submit(), house.portal.jobs
    now = house.job(job_id).spec.priority
    for number in range(PAIRS):
        wanted = [200 + 4 * number + step for step in range(4)]
        results = at_once(
            *[lambda value=v: jobs.set_priorities(actor("root"), {job_id: value}) for v in wanted]
        )
        answers = [found[0] for found in results]  # type: ignore[index]
        chain = {answer["was"]: answer["priority"] for answer in answers}
        assert len(chain) == len(wanted), "two of them found the same before them"
        for _ in wanted:
            now = chain[now]
        assert now == house.job(job_id).spec.priority
    with session():
        entries = list(AuditRow.select().order_by(AuditRow.id))
        row = JobRow.get_by_id(job_id)
    assert len(entries) == row.priority_edits == PAIRS * 4
    assert all(a.after["priority"] == b.before["priority"] for a, b in pairwise(entries))


def test_the_priority_of_a_job_that_has_just_ended_stays(house: House) -> None:
    job = house.job(house.submit())
    with session():
        house.portal.jobs.act(actor("alice"), job.id, "kill")
        with pytest.raises(Conflict, match="killed"):
            job_priority.change(actor("root"), job, 7, None, house.now)
        assert AuditRow.select().count() == 0
    assert house.job(job.id).spec.priority == job.spec.priority


def test_the_first_virtual_cluster_is_made_once(house: House) -> None:
    for _ in range(PAIRS // 2):
        with session():
            VcRow.delete().execute()
        made = at_once(*[lambda: virtual_clusters.ensure_first(house.now)] * 4)
        assert sorted(map(str, made)) == ["False"] * 3 + ["True"]
        with session():
            assert [row.name for row in VcRow.select()] == ["platform"]


def test_what_the_first_one_grows_by_is_not_given_to_another_too(house: House) -> None:
    editor, quota = house.portal.vc_editor, {GPU: 8}
    for number in range(8, 8 + PAIRS // 2):
        with session():
            VcRow.delete().execute()
            virtual_clusters.ensure_first(house.now)
            house.cluster.set_nodes(a_node("node-1"), a_node("node-2"))
            inventory.record_nodes("lab", house.cluster.nodes(), house.now)
        new = {"name": f"team-{number}", "quota": quota}
        at_once(
            lambda: virtual_clusters.ensure_first(house.now),
            lambda new=new: editor.add(actor("root"), new),  # type: ignore[misc]
        )
        with session():
            assert sum(row.quota.get(GPU, 0) for row in VcRow.select()) == 16
            inventory.record_nodes("lab", [a_node("node-1")], house.now)


STEPS = ("kill", "pause", "resume", "admit", "drive", "look", "priority")


@pytest.mark.parametrize("seed", range(8))
def test_everything_at_once_ends_well(house: House, seed: int) -> None:
    """Users, workers and the scheduler on the same jobs in threads; then all is in order."""
    chance = random.Random(seed)
    ids = [house.submit(device_type=GPU, devices=chance.choice([1, 2, 4])) for _ in range(4)]
    orders = [[(chance.choice(STEPS), chance.choice(ids)) for _ in range(12)] for _ in range(4)]

    def live(order: list[tuple[str, str]]) -> None:
        for step, job_id in order:
            try:
                _do(house, step, job_id)
            except (AoliError, TemporaryFailure):
                continue

    results = at_once(*[lambda order=order: live(order) for order in orders])  # type: ignore[misc]
    assert results == [None] * 4
    _finish(house, ids)
    for job_id in ids:
        _check_history(job_id)
        job = house.job(job_id)
        assert job.released
        assert job.state in (JobState.KILLED, JobState.PAUSED)
    assert house.cluster.observe_all() == {}


def _do(house: House, step: str, job_id: str) -> None:
    portal, alice = house.portal, actor("alice")
    if step == "admit":
        portal.admitter.admit()
    elif step == "drive":
        portal.driver.drive(job_id)
    elif step == "look":
        portal.passes.full_pass()
    elif step == "priority":
        portal.jobs.set_priority(alice, job_id, 5)
    else:
        portal.jobs.act(alice, job_id, step)


def _finish(house: House, ids: list[str]) -> None:
    """Kill what is left and let everything settle."""
    for job_id in ids:
        if house.state(job_id) not in ("killed", "killing", "paused", "pausing"):
            with session():
                house.portal.jobs.act(actor("alice"), job_id, "kill")
    for _ in range(3):
        house.advance(60)
        house.look()


def _check_history(job_id: str) -> None:
    with session():
        events = list(
            JobEventRow.select().where(JobEventRow.job == job_id).order_by(JobEventRow.id)
        )
        row = JobRow.get_by_id(job_id)
    assert events[0].from_state is None
    for earlier, later in pairwise(events):
        assert earlier.to_state == later.from_state
    assert events[-1].to_state == row.state
    assert row.version == len(events)
    starts = [event for event in events if event.to_state == "scheduling"]
    assert len(starts) == row.attempt


def test_a_reason_of_old_does_not_outlive_its_cause(house: House) -> None:
    blocker = house.run(device_type=GPU, devices=4)
    job_id = house.submit(device_type=GPU, devices=4)
    house.work()
    assert house.noted(job_id) == "vc_quota"
    house.end(blocker)
    after = house.job(job_id)
    assert after.state is JobState.SCHEDULING
    assert after.reason is not None
    assert after.reason.code == "starting"


def test_one_submission_sent_by_many_at_once_is_one_job(house: House) -> None:
    given = body()
    found = at_once(
        *[lambda: house.portal.jobs.submit(actor("alice"), given, "one")["id"] for _ in range(6)]
    )
    assert len(set(map(str, found))) == 1, found
    with session():
        assert JobRow.select().count() == 1
        assert JobEventRow.select().count() == 1
