"""Jobs over the API: submit, show, list, change, act, events."""

from __future__ import annotations

import uuid

import pytest
from house import GPU, body
from web_house import Caller, WebHouse, problem_of


def test_submit_and_show(web_house: WebHouse, alice: Caller) -> None:
    answer = alice.post("/jobs", body(device_type=GPU, devices=2, env={"LR": "0.1"}))
    assert answer.status_code == 201, answer.text
    job = answer.get_json()
    assert answer.headers["Location"].endswith(f"/api/v1/jobs/{job['id']}")
    assert uuid.UUID(job["id"])
    assert (job["status"], job["user"], job["vc"]) == ("queued", "alice", "vision")
    assert (job["total_devices"], job["attempts"], job["priority"]) == (2, 0, 100)
    assert job["reason"]["code"] == "new"
    assert job["submitted_at"].endswith("Z")
    root = web_house.house.settings.storage
    assert job["work_path"] == f"{root}/work/alice"
    assert job["data_path"] == f"{root}/storage"
    assert job["job_path"] == f"{root}/jobs/261102/{job['id']}"
    assert alice.get(f"/jobs/{job['id']}").get_json() == job


def test_the_current_virtual_cluster_is_the_default(alice: Caller) -> None:
    wanted = body()
    del wanted["vc"]
    assert alice.post("/jobs", wanted).get_json()["vc"] == "platform"
    assert alice.post("/vcs/vision/select").status_code == 200
    assert alice.post("/jobs", wanted).get_json()["vc"] == "vision"


def test_the_registry_password_is_never_shown(web_house: WebHouse, alice: Caller) -> None:
    login = {"server": "registry.example", "username": "u", "password": "s3cret-pass"}
    answer = alice.post("/jobs", body(registry=login))
    assert answer.status_code == 201
    shown = [
        answer.text,
        alice.get(f"/jobs/{answer.get_json()['id']}").text,
        alice.get("/jobs").text,
        alice.post("/jobs/preview", body(registry=login)).text,
    ]
    assert not [text for text in shown if "s3cret-pass" in text]
    web_house.house.work()
    launched = web_house.house.cluster.launches[0].registry
    assert launched is not None
    assert launched.password == "s3cret-pass"


def test_preview_stores_nothing(web_house: WebHouse, alice: Caller) -> None:
    seen = alice.post("/jobs/preview", body(device_type=GPU, devices=2)).get_json()
    assert seen["starts_now"] is True
    assert seen["reason"] is None
    assert seen["manifests"] == [{"name": "main", "command": "echo hello"}]
    assert seen["cli"].startswith("aoli job submit --vc vision --name train")
    assert alice.get("/jobs").get_json()["total"] == 0
    assert web_house.house.queue.waiting == []


def test_preview_tells_why_it_would_wait(web_house: WebHouse, alice: Caller) -> None:
    web_house.house.run(device_type=GPU, devices=4)
    seen = alice.post("/jobs/preview", body(device_type=GPU, devices=2)).get_json()
    assert seen["starts_now"] is False
    reason = seen["reason"]
    assert reason["code"] == "vc_quota"
    assert (reason["used"], reason["quota"], reason["needed"]) == (4, 4, 2)
    assert seen["position"] == 1


def test_priority(alice: Caller, web_house: WebHouse) -> None:
    job_id = web_house.house.submit()
    assert alice.patch(f"/jobs/{job_id}", {"priority": 7}).get_json()["priority"] == 7
    for wrong in (0, 1001, "7", 1.5, None, True):
        document = problem_of(alice.patch(f"/jobs/{job_id}", {"priority": wrong}), 422)
        assert list(document["errors"]) == ["priority"]
    for wrong_body in ({}, {"priority": 1, "name": "x"}, [], "x"):
        problem_of(alice.patch(f"/jobs/{job_id}", wrong_body), 422)
    assert alice.get(f"/jobs/{job_id}").get_json()["priority"] == 7


def test_priority_of_an_ended_job(alice: Caller, web_house: WebHouse) -> None:
    job_id = web_house.house.run()
    web_house.house.end(job_id)
    problem_of(alice.patch(f"/jobs/{job_id}", {"priority": 7}), 409)


def test_pause_resume_kill(alice: Caller, web_house: WebHouse) -> None:
    house = web_house.house
    job_id = house.run()
    paused = alice.post(f"/jobs/{job_id}/pause")
    assert (paused.status_code, paused.get_json()["status"]) == (202, "pausing")
    house.look()
    assert alice.get(f"/jobs/{job_id}").get_json()["status"] == "paused"
    problem_of(alice.post(f"/jobs/{job_id}/pause"), 409)
    assert alice.post(f"/jobs/{job_id}/resume").get_json()["status"] == "queued"
    assert alice.post(f"/jobs/{job_id}/kill").get_json()["status"] == "killed"
    for action in ("pause", "resume", "kill"):
        document = problem_of(alice.post(f"/jobs/{job_id}/{action}"), 409)
        assert document["code"] == "conflict"
        assert "killed" in document["detail"]
    events = alice.get(f"/jobs/{job_id}/events").get_json()
    assert [event["to"] for event in events][-5:] == [
        "pausing",
        "paused",
        "queued",
        "killing",
        "killed",
    ]
    assert events[0] == {**events[0], "from": None, "to": "queued", "actor": "alice"}
    assert events[-2]["reason"]["user"] == "alice"
    assert [e["from"] for e in events[1:]] == [e["to"] for e in events[:-1]]


def test_several_at_once(alice: Caller, web_house: WebHouse) -> None:
    house = web_house.house
    mine, his = house.submit("alice"), house.submit("bob")
    ended = house.run("alice")
    house.end(ended)
    ids = [mine, his, ended, "no-such-job", "no/id", mine]
    answer = alice.post("/jobs/actions", {"action": "kill", "ids": ids})
    results = answer.get_json()["results"]
    assert [(r["id"], r["ok"]) for r in results] == [
        (mine, True),
        (his, False),
        (ended, False),
        ("no-such-job", False),
        ("no/id", False),
    ]
    assert [r.get("code") for r in results] == [
        None,
        "not_found",
        "conflict",
        "not_found",
        "not_found",
    ]
    assert results[0]["status"] in ("killed", "killing")


def test_all_that_is_wrong_with_a_bulk_is_told_at_once(alice: Caller) -> None:
    sent = {"action": "explode", "ids": "all", "force": True}
    errors = problem_of(alice.post("/jobs/actions", sent), 422)["errors"]
    assert set(errors) == {"action", "ids", "force"}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"action": "explode", "ids": []}, "action"),
        ({"action": 1, "ids": []}, "action"),
        ({"action": "kill", "ids": "all"}, "ids"),
        ({"action": "kill", "ids": [1]}, "ids"),
        ({"action": "kill", "ids": [str(n) for n in range(201)]}, "ids"),
        ({"action": "kill"}, "ids"),
        ({"ids": []}, "action"),
        ({"action": "kill", "ids": [], "force": True}, "force"),
    ],
)
def test_several_at_once_asked_wrongly(alice: Caller, sent: object, field: str) -> None:
    assert field in problem_of(alice.post("/jobs/actions", sent), 422)["errors"]


def test_an_ended_job_tells_its_exit_code_and_replicas(alice: Caller, web_house: WebHouse) -> None:
    job_id = web_house.house.run()
    web_house.house.end(job_id, exit_code=3)
    job = alice.get(f"/jobs/{job_id}").get_json()
    assert (job["status"], job["exit_code"], job["attempts"]) == ("failed", 3, 1)
    assert job["reason"]["exit_code"] == 3
    assert [(r["name"], r["exit_code"]) for r in job["replicas"]] == [("main", 3)]
    assert job["finished_at"] >= job["started_at"] >= job["submitted_at"]


SECRET = {"HF_TOKEN": "hf-1234567", "LR": "0.1", "DB": "postgres://u:pw12345@db/x"}


@pytest.mark.parametrize("name", ["alice", "mona", "root"])
def test_who_manages_a_job_reads_its_environment(web_house: WebHouse, name: str) -> None:
    alice = web_house.caller("alice")
    job = alice.post("/jobs", body(command="run hf-1234567", env=SECRET)).get_json()
    seen = web_house.caller(name).get(f"/jobs/{job['id']}").get_json()
    assert (seen["env"], seen["command"]) == (SECRET, "run hf-1234567")
