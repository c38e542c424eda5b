"""What runs by the clock, and what the cluster's watch tells."""

from __future__ import annotations

import threading

import pytest
from house import BOTH_DATABASES, GPU, House, actor

from portal.domain.errors import TemporaryFailure
from portal.models.db import session
from portal.services.logs.files import tail
from portal.services.records import inventory
from portal.services.running.passes import DUE_AFTER_S
from portal.testing import a_node, eventually

pytestmark = BOTH_DATABASES


def test_a_cluster_that_does_not_answer(house: House) -> None:
    running = house.run()
    house.cluster.unreachable = True
    with session():
        house.portal.watch_handler.unreachable("connection refused")
        with pytest.raises(TemporaryFailure):
            house.portal.passes.full_pass()
    job_id = house.submit()
    house.advance(60)
    house.work()
    assert house.state(job_id) == "queued"
    assert house.noted(job_id) == "cluster_unreachable"
    assert house.state(running) == "running"
    house.cluster.unreachable = False
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
    house.work()
    assert house.state(job_id) == "scheduling"
    assert house.state(running) == "running"


def test_a_cluster_that_is_away_for_a_moment_changes_nothing(house: House) -> None:
    with session():
        house.portal.watch_handler.unreachable("connection refused")
    job_id = house.submit()
    house.work()
    assert house.state(job_id) == "scheduling"


def test_the_full_pass_is_the_truth_when_all_news_was_lost(house: House) -> None:
    job_id = house.submit()
    house.work()
    house.cluster.run(house.ref(job_id))
    house.cluster.finish(house.ref(job_id), exit_code=5)
    house.queue.waiting.clear()
    house.look()
    job = house.job(job_id)
    assert (job.state, job.exit_code, job.released) == ("failed", 5, True)
    with session():
        assert house.portal.passes.full_pass() == 0


def test_a_fresh_launch_is_not_taken_for_lost(house: House) -> None:
    job_id = house.submit()
    house.work()
    with session():
        asked_at = house.now
        assert house.portal.passes.compare({}, asked_at) == 1
    house.work()
    assert house.state(job_id) == "scheduling"
    assert house.job(job_id).attempt == 1


def test_due_asks_again_for_what_nobody_did(house: House) -> None:
    job_id = house.submit()
    with session():
        house.portal.admitter.admit()
        house.queue.waiting.clear()
        assert house.portal.passes.due() == 0
    house.advance(DUE_AFTER_S + 1)
    with session():
        assert house.portal.passes.due() == 1
    house.work()
    assert len(house.cluster.launches) == 1
    with session():
        house.portal.jobs.act(actor("alice"), job_id, "kill")
    house.queue.waiting.clear()
    house.advance(DUE_AFTER_S + 1)
    with session():
        assert house.portal.passes.due() == 1
    house.work()
    house.look()
    assert house.state(job_id) == "killed"


def test_a_new_node_starts_what_waits(house: House) -> None:
    house.cluster.set_nodes(a_node("node-1", devices=0))
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
    job_id = house.submit(device_type=GPU, devices=1)
    house.work()
    assert house.state(job_id) == "queued"
    house.cluster.set_nodes(a_node("node-1"), a_node("node-9"))
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
        names = [node.name for node in inventory.nodes("lab")]
    assert names == ["node-1", "node-9"]
    house.work()
    assert house.state(job_id) == "scheduling"


@pytest.mark.parametrize("state", ["cordoned", "not ready"])
def test_nodes_that_take_nothing_new(house: House, state: str) -> None:
    fields = {"cordoned": True} if state == "cordoned" else {"ready": False}
    house.cluster.set_nodes(a_node("node-1", **fields))
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
    job_id = house.submit(device_type=GPU, devices=1)
    house.work()
    assert house.state(job_id) == "queued"
    assert house.noted(job_id) == "node_unavailable"


def test_the_watch_moves_jobs_on(house: House) -> None:
    """The real ear at the fake's watch: no pass is needed."""
    stop = threading.Event()

    def listen() -> None:
        with session():
            house.cluster.watch(house.portal.watch_handler, stop)

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        job_id = house.submit()
        house.work()
        house.cluster.run(house.ref(job_id))
        eventually(lambda: house.state(job_id) == "running", tick=house.work)
        house.cluster.say(house.ref(job_id), "hello")
        house.cluster.finish(house.ref(job_id), exit_code=3)
        eventually(lambda: house.job(job_id).released, tick=house.work)
        assert house.state(job_id) == "failed"
        kept = tail(house.portal.logs.path(house.ref(job_id), "main"), 5)
        assert [line.partition(b" ")[2] for line in kept] == [b"hello\n"]
    finally:
        stop.set()
        thread.join()
