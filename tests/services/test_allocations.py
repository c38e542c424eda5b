"""The book of devices held follows the jobs' life line by line."""

from __future__ import annotations

from typing import Any

from house import BOTH_DATABASES, GPU, House, actor

from portal import migrations
from portal.models import AllocationRow, db
from portal.models.db import session
from portal.services.records import allocations, job_store
from portal.services.records.allocations import milliseconds

pytestmark = BOTH_DATABASES


def book(house: House) -> list[tuple[Any, ...]]:
    """(attempt, devices, seconds held so far or to the end, whether it is over)."""
    with session():
        return [
            (
                row.attempt,
                row.devices,
                ((row.ended_ms or milliseconds(house.now)) - row.begun_ms) / 1000,
                row.ended_ms is not None,
            )
            for row in AllocationRow.select().order_by(AllocationRow.id)
        ]


def act(house: House, job_id: str, action: str) -> None:
    with session():
        house.portal.jobs.act(actor("alice"), job_id, action)
    house.work()


def test_from_admission_to_release(house: House) -> None:
    job_id = house.submit(device_type=GPU, devices=2, preemptible=True)
    assert book(house) == []
    house.work()
    assert book(house) == [(1, 2, 0, False)]
    house.cluster.run(house.ref(job_id))
    house.look()
    house.advance(60)
    assert book(house) == [(1, 2, 60, False)]
    house.end(job_id)
    assert book(house) == [(1, 2, 60, True)]
    with session():
        row = AllocationRow.get()
    assert (row.job, row.username, row.vc) == (job_id, "alice", "vision")
    assert (row.device_type, row.preemptible) == (GPU, True)


def test_devices_are_held_until_nothing_is_left_on_the_cluster(house: House) -> None:
    job_id = house.run(device_type=GPU, devices=1)
    house.advance(10)
    with session():
        house.portal.jobs.act(actor("alice"), job_id, "pause")
    assert house.state(job_id) == "pausing"
    house.advance(5)
    assert book(house) == [(1, 1, 15, False)]
    house.work()
    assert house.state(job_id) == "paused"
    assert book(house) == [(1, 1, 15, True)]


def test_each_attempt_has_its_line(house: House) -> None:
    job_id = house.run(device_type=GPU, devices=1)
    act(house, job_id, "pause")
    house.advance(100)
    act(house, job_id, "resume")
    house.cluster.run(house.ref(job_id))
    house.look()
    house.advance(7)
    act(house, job_id, "kill")
    assert house.state(job_id) == "killed"
    assert book(house) == [(1, 1, 0, True), (2, 1, 7, True)]


def test_a_job_without_devices_books_nothing(house: House) -> None:
    job_id = house.run()
    house.end(job_id)
    assert book(house) == []


def test_whoever_comes_second_writes_nothing(house: House) -> None:
    job_id = house.run(device_type=GPU, devices=1)
    job = house.job(job_id)
    house.end(job_id)
    before = book(house)
    house.advance(50)
    with session():
        assert not job_store.release(job, house.now)
    assert book(house) == before


def test_a_queued_job_that_is_killed_was_never_in_the_book(house: House) -> None:
    job_id = house.submit(device_type=GPU, devices=1)
    with session():
        house.portal.jobs.act(actor("alice"), job_id, "kill")
    assert house.state(job_id) == "killed"
    assert book(house) == []


def test_the_step_takes_in_what_is_held_already(house: House) -> None:
    job_id = house.run(device_type=GPU, devices=2)
    house.advance(30)
    with session():
        before = list(AllocationRow.select().dicts())
        db.database.execute_sql("DROP TABLE allocation")
        db.database.execute_sql("DELETE FROM migration WHERE substr(name, 1, 4) = '0003'")
        assert migrations.upgrade() == ["0003_allocation"]
        assert list(AllocationRow.select().dicts()) == before
    house.end(job_id)
    assert book(house) == [(1, 2, 30, True)]


def test_a_virtual_cluster_that_goes_ends_what_its_jobs_held(house: House) -> None:
    house.run(device_type=GPU, devices=2)
    with session():
        allocations.end_all("platform", house.now)
        assert [over for *_, over in book(house)] == [False]
        allocations.end_all("vision", house.now)
        assert [over for *_, over in book(house)] == [True]
