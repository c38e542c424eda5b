"""Virtual clusters over the API (spec F)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from house import GPU, NPU, body
from web_house import Caller, WebHouse, problem_of


@pytest.fixture
def root(web_house: WebHouse) -> Caller:
    return web_house.caller("root")


def quota(caller: Caller, name: str) -> dict[str, int]:
    found: dict[str, int] = caller.get(f"/vcs/{name}").get_json()["quota"]
    return found


def lower_platform(root: Caller, gpus: int = 0) -> None:
    """Make room: the seeded VCs hold all 8 GPUs and 8 NPUs of the cluster."""
    assert root.patch("/vcs/platform", {"quota": {GPU: gpus}}).status_code == 200


def test_add_with_everything(root: Caller) -> None:
    lower_platform(root)
    wanted = {
        "name": "speech",
        "quota": {GPU: 3},
        "members": {"users": ["carol", "bob"], "groups": []},
        "user_limit": {GPU: 2},
        "max_run_time_s": 3600,
        "preempt_grace_s": 5,
    }
    answer = root.post("/vcs", wanted)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == "/api/v1/vcs/speech"
    made = answer.get_json()
    assert {key: made[key] for key in wanted} == {
        **wanted,
        "members": {"users": ["bob", "carol"], "groups": []},
    }
    assert made["permission"] == "manage"
    assert root.get("/vcs/speech").get_json() == made


def test_what_is_left_out_when_adding(root: Caller) -> None:
    made = root.post("/vcs", {"name": "cpu", "quota": {}}).get_json()
    assert made["quota"] == {}
    assert made["members"] == {"users": [], "groups": []}
    assert made["usable"] is True
    assert (made["max_run_time_s"], made["preempt_grace_s"]) == (None, 30)


def test_a_name_is_taken_once(root: Caller) -> None:
    problem_of(root.post("/vcs", {"name": "vision", "quota": {}}), 409)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": "../x"}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": 7}, ["name"]),
        ({"quota": None}, ["quota"]),
        ({"quota": {"no_such_type": 1}}, ["quota.no_such_type"]),
        ({"quota": {GPU: -1, NPU: 1.5}}, [f"quota.{GPU}", f"quota.{NPU}"]),
        ({"quota": {GPU: True}}, [f"quota.{GPU}"]),
        ({"quota": {GPU: 1}}, [f"quota.{GPU}"]),
        ({"members": {"users": ["nobody"]}}, ["members.users"]),
        ({"members": {"groups": ["nobody"]}}, ["members.groups"]),
        ({"members": ["alice"]}, ["members"]),
        ({"user_limit": {GPU: "2"}}, [f"user_limit.{GPU}"]),
        ({"max_run_time_s": 0}, ["max_run_time_s"]),
        ({"preempt_grace_s": 3601}, ["preempt_grace_s"]),
        ({"preempt_grace_s": None}, ["preempt_grace_s"]),
        ({"colour": "red", "max_run_time_s": "1h"}, ["colour", "max_run_time_s"]),
    ],
)
def test_every_wrong_field_is_told(root: Caller, fields: dict[str, Any], wrong: list[str]) -> None:
    answer = root.post("/vcs", {"name": "new", "quota": {}, **fields})
    assert set(problem_of(answer, 422)["errors"]) == set(wrong)
    problem_of(root.get("/vcs/new"), 404)


def test_no_more_than_other_vcs_leave(root: Caller) -> None:
    lower_platform(root, 3)
    document = problem_of(root.post("/vcs", {"name": "new", "quota": {GPU: 2}}), 422)
    assert document["errors"] == {f"quota.{GPU}": ["At most 1 remain"]}
    assert root.post("/vcs", {"name": "new", "quota": {GPU: 1}}).status_code == 201
    problem_of(root.patch("/vcs/vision", {"quota": {GPU: 5}}), 422)
    assert quota(root, "vision") == {GPU: 4}


def test_all_that_is_wrong_is_told_at_once(root: Caller) -> None:
    """What the cluster has left, and a name that cannot be changed, beside the shapes."""
    lower_platform(root, 3)
    wrong = {"quota": {GPU: 6, NPU: "x"}, "members": {"users": ["nobody"], "groups": "lab", "x": 1}}
    errors = problem_of(root.post("/vcs", {"name": "a b", **wrong}), 422)["errors"]
    shapes = {f"quota.{NPU}", "members.users", "members.groups", "members.x"}
    assert set(errors) == {"name", *shapes}
    body = {"name": "sight", "quota": {GPU: 6}, "user_limit": {GPU: -1}}
    errors = problem_of(root.patch("/vcs/vision", body), 422)["errors"]
    assert errors == {
        "name": ["The name cannot be changed"],
        f"quota.{GPU}": ["At most 5 remain"],
        f"user_limit.{GPU}": ["Must be 0 or more"],
    }
    assert quota(root, "vision") == {GPU: 4}


def test_a_change_leaves_the_rest(root: Caller) -> None:
    lower_platform(root)
    changed = root.patch("/vcs/vision", {"quota": {NPU: 0}, "max_run_time_s": 60}).get_json()
    assert changed["quota"] == {GPU: 4, NPU: 0}
    assert changed["max_run_time_s"] == 60
    assert changed["members"]["users"] == ["alice", "bob", "mona", "vera"]
    changed = root.patch("/vcs/vision", {"members": {"users": ["alice"]}}).get_json()
    assert changed["members"] == {"users": ["alice"], "groups": []}
    assert changed["max_run_time_s"] == 60
    assert root.patch("/vcs/vision", {"max_run_time_s": None}).get_json()["max_run_time_s"] is None
    problem_of(root.patch("/vcs/vision", {"name": "sight"}), 422)
    problem_of(root.patch("/vcs/none", {"quota": {}}), 404)


@pytest.mark.parametrize("state", ["scheduling", "running", "pausing", "killing"])
def test_the_quota_stays_while_jobs_hold_devices(
    web_house: WebHouse, root: Caller, state: str
) -> None:
    house = web_house.house
    job_id = house.submit(device_type=GPU, devices=1)
    house.work()
    if state != "scheduling":
        house.cluster.run(house.ref(job_id))
        house.look()
    if state in ("pausing", "killing"):
        action = {"pausing": "pause", "killing": "kill"}[state]
        assert web_house.caller("alice").post(f"/jobs/{job_id}/{action}").status_code == 202
    assert house.state(job_id) == state
    problem_of(root.patch("/vcs/vision", {"quota": {GPU: 3}}), 409)
    problem_of(root.send("DELETE", "/vcs/vision"), 409)
    assert root.patch("/vcs/vision", {"quota": {GPU: 4}}).status_code == 200
    assert root.patch("/vcs/vision", {"user_limit": {GPU: 1}}).status_code == 200


def test_delete_takes_jobs_and_team_templates_along(web_house: WebHouse, root: Caller) -> None:
    house, alice = web_house.house, web_house.caller("alice")
    job_id = house.run(device_type=GPU, devices=1)
    house.end(job_id)
    waiting = house.submit(device_type=GPU, devices=4)
    kept = alice.send("PUT", "/templates/team/t?vc=vision", json={"job": {"image": "python:3"}})
    assert kept.status_code == 201
    answer = root.send("DELETE", "/vcs/vision")
    assert (answer.status_code, answer.data) == (204, b"")
    for one in (job_id, waiting):
        problem_of(alice.get(f"/jobs/{one}"), 404)
    assert alice.get("/me").get_json()["vcs"] == ["platform"]
    house.work()
    # What was kept for the old team is not the new one's.
    assert root.post("/vcs", {"name": "vision", "quota": {GPU: 4}}).status_code == 201
    problem_of(alice.get("/templates/team/t?vc=vision"), 404)


def test_the_current_vc_stays(root: Caller) -> None:
    assert root.get("/me").get_json()["current_vc"] == "platform"
    problem_of(root.send("DELETE", "/vcs/platform"), 409)
    problem_of(root.send("DELETE", "/vcs/none"), 404)


@pytest.mark.parametrize("name", ["alice", "carol", "vera", "mona"])
def test_only_managers_change_anything(web_house: WebHouse, name: str) -> None:
    caller = web_house.caller(name)
    problem_of(caller.post("/vcs", {"name": "mine", "quota": {}}), 403)
    problem_of(caller.patch("/vcs/vision", {"quota": {}}), 403)
    problem_of(caller.send("DELETE", "/vcs/vision"), 403)


def test_members_lose_it_at_once(web_house: WebHouse, root: Caller) -> None:
    alice = web_house.caller("alice")
    assert alice.post("/vcs/vision/select").status_code == 200
    assert root.patch("/vcs/vision", {"members": {"users": ["bob"]}}).status_code == 200
    assert alice.get("/me").get_json()["current_vc"] == "platform"
    problem_of(alice.get("/vcs/vision"), 404)


def test_two_at_once_cannot_give_away_more_than_there_is(web_house: WebHouse) -> None:
    lower_platform(web_house.caller("root"))
    codes: list[int] = []

    def add(number: int) -> None:
        answer = web_house.caller("root").post("/vcs", {"name": f"vc{number}", "quota": {GPU: 3}})
        codes.append(answer.status_code)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [201, 422, 422, 422, 422, 422]


def test_a_smaller_quota_or_limit_answers_which_jobs_no_longer_fit(
    web_house: WebHouse, root: Caller
) -> None:
    waiting = web_house.house.submit(device_type=GPU, devices=3)
    assert root.patch("/vcs/vision", {"quota": {GPU: 3}}).get_json()["no_longer_fit"] == []
    cut = root.patch("/vcs/vision", {"quota": {GPU: 2}}).get_json()
    assert (cut["quota"][GPU], cut["no_longer_fit"]) == (2, [waiting])
    limited = root.patch("/vcs/vision", {"quota": {GPU: 4}, "user_limit": {GPU: 2}}).get_json()
    assert limited["no_longer_fit"] == [waiting]
    assert root.patch("/vcs/vision", {"preempt_grace_s": 5}).get_json()["no_longer_fit"] == []


def test_more_than_the_limit_per_user_is_refused_like_the_quota(
    web_house: WebHouse, root: Caller
) -> None:
    assert root.patch("/vcs/vision", {"user_limit": {GPU: 2}}).status_code == 200
    alice = web_house.caller("alice")
    for path in ("/jobs", "/jobs/preview"):
        refused = problem_of(alice.post(path, body(device_type=GPU, devices=3)), 422)
        assert refused["errors"] == {"devices": ["One user may hold at most 2"]}
    assert alice.post("/jobs", body(device_type=GPU, devices=2)).status_code == 201
