"""A job's life through the services: submitted, admitted, driven, ended."""

from __future__ import annotations

from itertools import pairwise

import pytest
from house import BOTH_DATABASES, GPU, House, actor, make_house
from pydantic import SecretStr

from portal.domain.errors import Conflict, TemporaryFailure
from portal.domain.job import MAX_PLATFORM_RETRIES
from portal.domain.job_state import TERMINAL, JobState
from portal.domain.launch import Launch
from portal.domain.reconcile import FORCE_AFTER_S
from portal.models import JobSecretRow
from portal.models.db import session

pytestmark = BOTH_DATABASES

LOGIN = {"server": "registry.example", "username": "u", "password": "p"}


def history(house: House, job_id: str) -> list[str]:
    """The states that the job was in; each event must begin where the last one ended."""
    with session():
        events = house.portal.jobs.events(actor("alice"), job_id)
    assert events[0]["from"] is None
    assert all(earlier["to"] == later["from"] for earlier, later in pairwise(events))
    assert events[-1]["to"] == house.state(job_id)
    return [event["to"] for event in events]


def act(house: House, job_id: str, action: str) -> None:
    with session():
        house.portal.jobs.act(actor("alice"), job_id, action)


def again(house: House, job_id: str) -> None:
    """Bring a queued job to its next start, whatever back-off it has."""
    house.advance(120)
    house.queue.enqueue("admit")
    house.work()
    house.cluster.run(house.ref(job_id))
    house.look()


def reason(house: House, job_id: str) -> str:
    found = house.job(job_id).reason
    return found.code if found else ""


def test_from_queued_to_finished(house: House) -> None:
    job_id = house.submit(device_type=GPU, devices=2)
    assert house.state(job_id) == "queued"
    house.work()
    assert house.state(job_id) == "scheduling"
    launch = house.cluster.launches[0].replicas[0]
    assert launch.slot.node == "node-1"
    assert launch.slot.devices == (0, 1)
    assert launch.resources == {"nvidia.com/gpu": 2}
    assert launch.env["AOLI_JOB_ID"] == job_id
    house.cluster.run(house.ref(job_id))
    house.look()
    assert house.state(job_id) == "running"
    house.end(job_id)
    assert history(house, job_id) == ["queued", "scheduling", "running", "finished"]
    job = house.job(job_id)
    assert (job.exit_code, job.attempt, job.released, job.retries) == (0, 1, True, 0)
    assert job.finished_at == house.now
    assert house.cluster.observe(job.ref).gone
    assert len(house.cluster.launches) == 1


def test_a_command_that_fails(house: House) -> None:
    job_id = house.run()
    house.end(job_id, exit_code=3)
    job = house.job(job_id)
    assert (job.state, job.exit_code, job.released) == ("failed", 3, True)
    assert job.reason is not None
    assert job.reason.message == "The command ended with exit code 3."
    assert house.cluster.observe(job.ref).gone


def test_a_command_that_was_over_before_anyone_looked(house: House) -> None:
    job_id = house.submit()
    house.work()
    house.cluster.run(house.ref(job_id))
    house.end(job_id)
    assert history(house, job_id) == ["queued", "scheduling", "running", "finished"]


def test_an_image_that_cannot_be_pulled(house: House) -> None:
    job_id = house.submit(image="nowhere/nothing:1", registry=LOGIN)
    house.work()
    house.cluster.fail_pull(house.ref(job_id), "manifest unknown")
    house.look()
    job = house.job(job_id)
    assert (job.state, job.exit_code, job.released) == ("error", None, True)
    assert job.reason is not None
    assert job.reason.code == "image_pull"
    assert "manifest unknown" in job.reason.message
    assert "nowhere/nothing:1" in job.reason.message
    assert house.cluster.observe(job.ref).gone


def test_a_spec_that_the_cluster_refuses(house: House) -> None:
    house.cluster.refuse("pods is forbidden")
    job_id = house.submit()
    house.work()
    assert house.state(job_id) == "error"
    assert reason(house, job_id) == "refused"
    assert house.job(job_id).released


def test_a_cluster_that_is_away_costs_no_try(house: House) -> None:
    for _ in range(5):
        house.cluster.refuse("connection refused", temporary=True)
    job_id = house.submit()
    for tries in range(1, 6):
        with pytest.raises(TemporaryFailure, match="connection refused"):
            house.work()
        job = house.job(job_id)
        assert (job.state, job.retries, job.launch_tries) == ("scheduling", 0, tries)
        house.advance(10)
        with session():
            assert house.portal.passes.due() == 1
    house.work()
    house.cluster.run(house.ref(job_id))
    house.look()
    assert house.state(job_id) == "running"
    assert house.job(job_id).attempt == 1


@pytest.mark.parametrize("how", ["vanish", "lose"])
def test_a_job_lost_too_often(house: House, how: str) -> None:
    job_id = house.run()
    for lost in range(1, MAX_PLATFORM_RETRIES + 1):
        getattr(house.cluster, how)(house.ref(job_id))
        house.advance(30)
        house.look()
        again(house, job_id)
        job = house.job(job_id)
        assert (job.state, job.retries, job.attempt) == ("running", lost, lost + 1)
    getattr(house.cluster, how)(house.ref(job_id))
    house.advance(30)
    house.look()
    job = house.job(job_id)
    assert (job.state, job.attempt) == ("error", MAX_PLATFORM_RETRIES + 1)
    assert reason(house, job_id) == "lost_too_often"
    assert job.released
    assert house.cluster.observe_all() == {}
    refs = [launch.ref.attempt for launch in house.cluster.launches]
    assert refs == [1, 2, 3, 4]


def test_a_runtime_that_was_stopped_costs_no_try(house: House) -> None:
    job_id = house.run()
    for attempt in range(1, 7):
        assert house.job(job_id).attempt == attempt
        house.cluster.lose(house.ref(job_id), code="runtime_stopped")
        house.look()
        again(house, job_id)
    assert house.job(job_id).retries == 0
    assert house.state(job_id) == "running"


def test_a_lost_node(house: House) -> None:
    job_id = house.run(device_type=GPU, devices=1)
    house.cluster.lose_node("node-1")
    house.look()
    job = house.job(job_id)
    assert job.state == "queued"
    with session():
        events = house.portal.jobs.events(actor("alice"), job_id)
    lost = [event["reason"] for event in events if event["to"] == "preempting"]
    assert lost[0]["code"] == "node_lost"
    assert lost[0]["node"] == "node-1"
    house.advance(60)
    house.queue.enqueue("admit")
    house.work()
    assert house.state(job_id) == "queued"
    assert house.noted(job_id) == "node_unavailable"


def test_pause_and_resume_under_the_same_id(house: House) -> None:
    job_id = house.run(device_type=GPU, devices=4)
    act(house, job_id, "pause")
    assert house.state(job_id) == "pausing"
    house.look()
    job = house.job(job_id)
    assert (job.state, job.released, job.placement) == ("paused", True, ())
    assert house.cluster.stops == [(job.ref, 30)]
    other = house.run(device_type=GPU, devices=4)
    assert house.state(other) == "running"
    act(house, job_id, "resume")
    house.work()
    assert house.state(job_id) == "queued"
    assert house.noted(job_id) == "vc_quota"
    house.end(other)
    house.cluster.run(house.ref(job_id))
    house.look()
    job = house.job(job_id)
    assert (job.state, job.attempt) == ("running", 2)
    assert house.cluster.launches[-1].ref == job.ref
    house.end(job_id)
    assert history(house, job_id)[:8] == [
        "queued",
        "scheduling",
        "running",
        "pausing",
        "paused",
        "queued",
        "scheduling",
        "running",
    ]


def test_the_grace_is_given_and_then_it_is_taken_away(house: House) -> None:
    job_id = house.run()
    house.cluster.stops_at_once = False
    act(house, job_id, "pause")
    house.look()
    assert house.state(job_id) == "pausing"
    house.advance(29)
    house.look()
    assert house.state(job_id) == "pausing"
    assert not house.job(job_id).released
    house.advance(2)
    house.look()
    assert house.state(job_id) == "paused"


def test_a_replica_that_will_not_go_is_removed_by_force(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = house.run()
    monkeypatch.setattr(house.cluster, "stop", lambda ref, grace_s: None)
    act(house, job_id, "kill")
    house.look()
    assert house.state(job_id) == "killing"
    house.advance(30 + FORCE_AFTER_S)
    house.look()
    assert house.state(job_id) == "killed"
    assert house.cluster.removals[-1][1] is True
    assert house.cluster.observe_all() == {}


@pytest.mark.parametrize("state", [state for state in JobState if state not in TERMINAL])
def test_kill_from_every_state(house: House, state: JobState) -> None:
    job_id = bring_to(house, state)
    if state is not JobState.KILLING:
        act(house, job_id, "kill")
    house.cluster.stops_at_once = True
    house.advance(60)
    house.look()
    job = house.job(job_id)
    assert (job.state, job.released) == ("killed", True)
    assert job.finished_at is not None
    assert house.cluster.observe(job.ref).gone
    history(house, job_id)
    with pytest.raises(Conflict):
        act(house, job_id, "kill")


def bring_to(house: House, state: JobState) -> str:
    """A job that stands in ``state``."""
    if state is JobState.QUEUED:
        return house.submit()
    if state is JobState.SCHEDULING:
        job_id = house.submit()
        house.work()
    elif state is JobState.PREEMPTING:
        house.cluster.stops_at_once = False
        job_id = house.run(device_type=GPU, devices=4, preemptible=True)
        house.submit(device_type=GPU, devices=4)
        house.work()
    else:
        job_id = house.run()
        house.cluster.stops_at_once = state is JobState.PAUSED
        if state in (JobState.PAUSING, JobState.PAUSED):
            act(house, job_id, "pause")
        elif state is JobState.KILLING:
            act(house, job_id, "kill")
        house.look()
    assert house.state(job_id) == state.value
    return job_id


@pytest.mark.parametrize("action", ["kill", "pause"])
def test_stopped_while_it_is_being_launched(
    house: House, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """The user is faster than the launch: nothing may stay on the cluster."""
    job_id = house.submit()
    launch = house.cluster.launch

    def launch_slowly(what: Launch) -> None:
        act(house, job_id, action)
        house.work()
        launch(what)

    monkeypatch.setattr(house.cluster, "launch", launch_slowly)
    house.work()
    house.look()
    assert house.state(job_id) == {"kill": "killed", "pause": "paused"}[action]
    assert house.job(job_id).released
    assert house.cluster.observe_all() == {}


def test_what_no_job_owns_is_swept(house: House) -> None:
    job_id = house.run()
    house.end(job_id)
    house.cluster.launch(house.cluster.launches[0])
    assert house.cluster.observe_all()
    house.look()
    assert house.cluster.observe_all() == {}
    assert house.state(job_id) == "finished"


def test_an_older_attempt_is_swept(house: House) -> None:
    job_id = house.run()
    old = house.cluster.launches[0]
    house.cluster.vanish(old.ref)
    house.advance(30)
    house.look()
    again(house, job_id)
    house.cluster.launch(old)
    house.look()
    assert list(house.cluster.observe_all()) == [house.ref(job_id)]
    assert house.state(job_id) == "running"


@pytest.mark.parametrize("end", ["finish", "kill", "error"])
def test_the_registry_login_is_gone_when_the_job_has_ended(house: House, end: str) -> None:
    job_id = house.run(registry=LOGIN)
    with session():
        sealed = JobSecretRow.get_by_id(job_id).sealed
    assert "registry.example" not in sealed
    if end == "finish":
        house.end(job_id)
    elif end == "kill":
        act(house, job_id, "kill")
        house.look()
    else:
        house.cluster.fail_pull(house.ref(job_id))
        house.look()
    with session():
        assert JobSecretRow.select().count() == 0


def test_the_registry_login_outlives_a_pause(house: House) -> None:
    job_id = house.run(registry=LOGIN)
    act(house, job_id, "pause")
    house.look()
    act(house, job_id, "resume")
    house.work()
    login = house.cluster.launches[-1].registry
    assert login is not None
    assert login.password == "p"
    assert "'p'" not in repr(login)


def test_without_the_queue_the_ticks_do_the_work(house: House) -> None:
    house.queue.away = True
    job_id = house.submit()
    with session():
        house.portal.admitter.admit()
    assert house.state(job_id) == "scheduling"
    house.queue.away = False
    house.advance(5)
    with session():
        assert house.portal.passes.due() == 1
    house.work()
    assert len(house.cluster.launches) == 1


def test_a_plugin_that_is_gone_is_an_error_of_the_job(house: House) -> None:
    job_id = house.submit()
    house.portal.registry.job_kinds.pop("regular")  # type: ignore[attr-defined]
    house.work()
    assert house.state(job_id) == "error"
    assert "not installed" in (house.job(job_id).reason or pytest.fail("no reason")).message


def test_a_changed_secret_key_is_an_error_of_the_job(house: House) -> None:
    job_id = house.submit(registry=LOGIN)
    key = SecretStr("another key of tests as long as the first")
    changed = make_house(house.settings.model_copy(update={"secret_key": key}))
    changed.queue.enqueue("admit")
    changed.work()
    assert changed.state(job_id) == "error"
    assert "secret key" in (changed.job(job_id).reason or pytest.fail("no reason")).message
    assert changed.cluster.launches == []


@pytest.mark.parametrize(("action", "state"), [("pause", "finished"), ("kill", "killed")])
def test_a_command_that_is_done_before_it_is_asked_to_end(
    house: House, action: str, state: str
) -> None:
    job_id = house.run()
    act(house, job_id, action)
    house.cluster.finish(house.ref(job_id))
    house.advance(1)
    house.look()
    job = house.job(job_id)
    assert (job.state, job.attempt, job.released) == (state, 1, True)
    assert house.cluster.stops == ([] if action == "pause" else [(job.ref, job.stop_grace_s)])
    assert history(house, job_id)[-1] == state


def test_a_command_that_saves_because_it_is_paused_is_resumed(house: House) -> None:
    job_id = house.run()
    house.cluster.stops_at_once = False
    act(house, job_id, "pause")
    house.work()
    house.advance(1)
    house.end(job_id, exit_code=0)
    assert house.state(job_id) == "paused"
