"""Why is it waiting: a reason that is true now, and other jobs' names only for those who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from house import BOTH_DATABASES, GPU, House, actor, body

from portal.models import JobRow, VcRow
from portal.models.db import session
from portal.services.jobs import priority as job_priority
from portal.services.jobs.listing import JobQuery

pytestmark = BOTH_DATABASES


def later(house: House, owner: str = "alice", /, **fields: Any) -> str:
    """Submit a job a second after the one before."""
    house.advance(1)
    return house.submit(owner, **fields)


def look(house: House, job_id: str, name: str = "alice") -> dict[str, Any]:
    with session():
        found: dict[str, Any] = house.portal.jobs.get(actor(name), job_id)
    return found


def act(house: House, job_id: str, action: str) -> None:
    with session():
        house.portal.jobs.act(actor("root"), job_id, action)


def modify(house: House, **fields: Any) -> None:
    with session():
        house.portal.vc_editor.modify(actor("root"), "vision", fields)


def ends(house: House, running: str) -> None:
    house.cluster.finish(house.ref(running))
    with session():
        house.portal.passes.full_pass()
    for _ in range(3):
        with session():
            house.portal.driver.drive(running)


def is_killed(house: House, running: str) -> None:
    act(house, running, "kill")
    ends(house, running)


def becomes_preemptible(house: House, running: str) -> None:
    with session():
        JobRow.update(preemptible=True).where(JobRow.id == running).execute()


def limit_goes(house: House, running: str) -> None:
    modify(house, user_limit={})


CAUSES: dict[str, tuple[str, dict[str, Any], Callable[[House, str], None]]] = {
    "the running job ended": ("vc_quota", {}, ends),
    "the running job was killed": ("vc_quota", {}, is_killed),
    "the limit was lifted": ("user_limit", {"user_limit": {GPU: 3}}, limit_goes),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_reason_ends_with_its_cause(house: House, cause: str) -> None:
    """Asked right after, before any scheduling pass has had time to run."""
    code, fields, goes = CAUSES[cause]
    running = house.run(device_type=GPU, devices=3 if fields else 4)
    if fields:
        modify(house, **fields)
    waiting = house.submit(device_type=GPU, devices=1)
    house.work()
    before = look(house, waiting)
    assert before["reason"]["code"] == code
    assert (before["queue_position"], before["ahead"]) == (1, [])
    assert before["remedy"].startswith("It starts when")
    goes(house, running)
    assert house.queue.waiting, "a pass must have been asked for"
    after = look(house, waiting)
    assert (after["status"], after["reason"]["code"]) == ("queued", "new")
    assert (after["queue_position"], after["remedy"]) == (None, None)
    house.work()
    assert house.state(waiting) == "scheduling"


def test_a_reason_has_the_numbers_of_now(house: House) -> None:
    first = house.run(device_type=GPU, devices=2)
    house.run(device_type=GPU, devices=1)
    waiting = house.submit(device_type=GPU, devices=4)
    house.work()
    assert look(house, waiting)["reason"]["used"] == 3
    ends(house, first)
    assert look(house, waiting)["reason"]["used"] == 1


def test_those_behind_move_up_when_one_leaves_the_queue(house: House) -> None:
    house.run(device_type=GPU, devices=4)
    first, second, third = (later(house, device_type=GPU, devices=4) for _ in range(3))
    house.work()
    found = look(house, third)
    assert (found["queue_position"], found["ahead"]) == (3, [first, second])
    act(house, first, "kill")
    found = look(house, third)
    assert (found["queue_position"], found["ahead"]) == (2, [second])
    house.work()  # the pass that the kill asked for: the list's note follows
    with session():
        rows = house.portal.jobs.page(actor("alice"), JobQuery(statuses=("queued",))).items
    assert {row["id"]: row["queue_position"] for row in rows} == {second: 1, third: 2}


def test_priorities_that_change_places_are_seen(house: House) -> None:
    """As another process changes them: this one hears of nothing."""
    house.run(device_type=GPU, devices=4)
    first = later(house, device_type=GPU, devices=4, priority=200)
    second = later(house, device_type=GPU, devices=4, priority=300)
    house.work()
    places = [look(house, job_id)["queue_position"] for job_id in (first, second)]
    assert places == [2, 1]
    with session():
        for job_id, value in ((first, 300), (second, 200)):
            job_priority.change(actor("alice"), house.job(job_id), value, None, house.now)
    places = [look(house, job_id)["queue_position"] for job_id in (first, second)]
    assert places == [1, 2]


def test_the_same_answer_before_and_after_submission(house: House) -> None:
    house.run(device_type=GPU, devices=3)
    house.submit("bob", device_type=GPU, devices=4)
    house.work()
    house.advance(1)
    with session():
        seen = house.portal.jobs.preview(actor("alice"), body(device_type=GPU, devices=2))
    waiting = house.submit(device_type=GPU, devices=2)
    house.work()
    found = look(house, waiting)
    assert seen.reason is not None
    assert found["reason"] == seen.reason.dump()
    assert found["queue_position"] == seen.position == 2


def test_whose_jobs_are_ahead_is_for_those_who_may_see_them(house: House) -> None:
    house.run(device_type=GPU, devices=4)
    bobs = house.submit("bob", device_type=GPU, devices=1, name="secret-plan")
    own = later(house, device_type=GPU, devices=1)
    waiting = later(house, device_type=GPU, devices=1)
    house.work()
    assert look(house, waiting)["queue_position"] == 3
    assert look(house, waiting)["ahead"] == [own]
    assert look(house, waiting, "vera")["ahead"] == [bobs, own]
    house.advance(1)
    with session():
        seen = house.portal.jobs.preview(actor("alice"), body(device_type=GPU, devices=1))
    assert (seen.position, seen.ahead) == (4, (own, waiting))


def test_held_back_for_whom(house: House) -> None:
    house.run(device_type=GPU, devices=2)
    house.advance(1)
    big = house.submit("bob", device_type=GPU, devices=4, name="secret-plan", priority=500)
    house.work()
    with session():
        VcRow.update(quota={GPU: 8}).where(VcRow.name == "vision").execute()
        VcRow.update(quota={GPU: 0}).where(VcRow.name == "platform").execute()
    house.run("alice", device_type=GPU, devices=3, priority=1000)
    house.advance(3600)
    small = house.submit("alice", device_type=GPU, devices=1)
    house.work()
    with session():
        events = house.portal.jobs.page(actor("alice"), JobQuery(statuses=("queued",))).items
    assert [row["reason"]["code"] for row in events] == ["held_back"]
    found = look(house, small)
    assert found["reason"]["for_job"] == "another job"
    assert "secret-plan" not in str(found)
    assert big not in found["reason"]["message"]
    assert look(house, small, "vera")["reason"]["for_job"] == "secret-plan"


def test_preempted_by_whom(house: House) -> None:
    taken = house.run("alice", device_type=GPU, devices=4, preemptible=True)
    house.submit("bob", device_type=GPU, devices=4, name="secret-plan")
    house.work()
    said = {}
    for name in ("alice", "mona"):
        with session():
            events = house.portal.jobs.events(actor(name), taken)
        found = next(event for event in events if event["to"] == "preempting")
        said[name] = found["reason"]["message"]
    assert said == {
        "alice": "Preempted for another job.",
        "mona": "Preempted for secret-plan.",
    }


def test_a_node_that_comes_back_asks_for_a_pass(house: House) -> None:
    house.cluster.set_cordoned("node-1", True)
    house.look()
    waiting = house.submit(device_type=GPU, devices=1)
    house.work()
    assert look(house, waiting)["reason"]["code"] == "node_unavailable"
    house.cluster.set_cordoned("node-1", False)
    house.look()  # no watch: the full pass alone finds it
    assert house.state(waiting) == "scheduling"
