"""Templates over the API (spec C16)."""

from __future__ import annotations

from typing import Any

import pytest
from house import GPU, body
from web_house import Caller, WebHouse, problem_of
from werkzeug.test import TestResponse

JOB = body(device_type=GPU, devices=2, env={"LR": "0.1"})


def put(caller: Caller, path: str, job: Any = JOB, **options: Any) -> TestResponse:
    return caller.send("PUT", f"/templates/{path}", json={"job": job}, **options)


def names(caller: Caller, vc: str = "") -> list[tuple[str, str]]:
    items = caller.get(f"/templates{'?vc=' + vc if vc else ''}").get_json()["items"]
    return [(item["scope"], item["name"]) for item in items]


def test_keep_show_replace_delete(alice: Caller) -> None:
    answer = put(alice, "user/resnet")
    assert answer.status_code == 201, answer.text
    kept = answer.get_json()
    assert (kept["name"], kept["scope"], kept["vc"]) == ("resnet", "user", None)
    assert (kept["owner"], kept["may_delete"], kept["job"]) == ("alice", True, JOB)
    assert alice.get("/templates/user/resnet").get_json() == kept
    again = put(alice, "user/resnet", {"image": "other:1"})
    assert (again.status_code, again.get_json()["job"]) == (200, {"image": "other:1"})
    assert alice.send("DELETE", "/templates/user/resnet").status_code == 204
    problem_of(alice.get("/templates/user/resnet"), 404)
    problem_of(alice.send("DELETE", "/templates/user/resnet"), 404)


def test_a_kept_job_can_be_submitted(alice: Caller) -> None:
    put(alice, "user/resnet")
    job = alice.get("/templates/user/resnet").get_json()["job"]
    assert alice.post("/jobs", job).status_code == 201


def test_the_body_may_be_the_submission_itself(alice: Caller) -> None:
    answer = alice.send("PUT", "/templates/user/plain", json=JOB)
    assert (answer.status_code, answer.get_json()["job"]) == (201, JOB)
    whole = answer.get_json()
    assert alice.send("PUT", "/templates/user/plain", json=whole).status_code == 200


def test_none_is_replaced_unasked(alice: Caller) -> None:
    only_new = {"If-None-Match": "*"}
    assert put(alice, "user/a", headers=only_new).status_code == 201
    problem_of(put(alice, "user/a", {}, headers=only_new), 409)
    assert alice.get("/templates/user/a").get_json()["job"] == JOB


def test_no_secret_is_kept(web_house: WebHouse, alice: Caller) -> None:
    login = {"server": "registry.example", "username": "u", "password": "s3cret-pass"}
    job = body(registry=login, env={"API_TOKEN": "s3cret-token", "LR": "1"}, password="s3cret-x")
    answer = put(alice, "user/a", job)
    kept = answer.get_json()["job"]
    assert kept["registry"] == {"server": "registry.example", "username": "u"}
    assert kept["env"] == {"API_TOKEN": "", "LR": "1"}
    assert "password" not in kept
    assert b"s3cret" not in (web_house.house.settings.data_dir / "aoli.db").read_bytes()


@pytest.mark.parametrize(
    ("job", "wrong"),
    [
        ([], "job"),
        ("x", "job"),
        ({"mounts": [1]}, "mounts"),
        ({"mounts": {"etc": {}}}, "mounts.etc"),
        ({"mounts": {"work": {"sub_path": "../../x"}}}, "mounts.work.sub_path"),
        ({"env": {"A": 3}}, "env.A"),
        ({"env": 3}, "env"),
        ({"interactive_ports": "40000"}, "interactive_ports"),
        ({"devices": "two"}, "devices"),
        ({"command": ["rm"]}, "command"),
        ({"endpoints": ["telnet"]}, "endpoints"),
        ({"registry": "x"}, "registry"),
        ({"anything": {"deep": 1}}, "anything"),
    ],
)
def test_what_no_form_could_show_is_refused(alice: Caller, job: Any, wrong: str) -> None:
    assert list(problem_of(put(alice, "user/a", job), 422)["errors"]) == [wrong]
    assert names(alice) == []


@pytest.mark.parametrize("name", ["a%2Fb", "%20", "x" * 64, "<b>"])
def test_names(alice: Caller, name: str) -> None:
    assert put(alice, f"user/{name}").status_code in (404, 422)


def test_scopes(web_house: WebHouse, alice: Caller) -> None:
    bob, carol = web_house.caller("bob"), web_house.caller("carol")
    assert put(alice, "user/mine").status_code == 201
    assert put(alice, "team/ours?vc=vision").status_code == 201
    assert names(alice, "vision") == [("user", "mine"), ("team", "ours")]
    assert names(alice, "platform") == [("user", "mine")]
    assert names(bob, "vision") == [("team", "ours")]
    assert names(carol, "vision") == []
    problem_of(bob.get("/templates/user/mine"), 404)
    problem_of(carol.get("/templates/team/ours?vc=vision"), 404)
    problem_of(put(carol, "team/theirs?vc=vision"), 404)
    problem_of(alice.get("/templates/world/mine"), 422)
    # Names are one's own: bob's "mine" is another one.
    assert put(bob, "user/mine", {"image": "bobs:1"}).status_code == 201
    assert alice.get("/templates/user/mine").get_json()["job"] == JOB


def test_a_teams_template_is_its_owners(web_house: WebHouse, alice: Caller) -> None:
    bob, root = web_house.caller("bob"), web_house.caller("root")
    put(alice, "team/ours?vc=vision")
    problem_of(put(bob, "team/ours?vc=vision", {}), 403)
    problem_of(bob.send("DELETE", "/templates/team/ours?vc=vision"), 403)
    assert bob.get("/templates/team/ours?vc=vision").get_json()["may_delete"] is False
    # Who manages VCs deletes in those that he may use.
    assert put(alice, "team/all?vc=platform").status_code == 201
    assert root.send("DELETE", "/templates/team/all?vc=platform").status_code == 204


def test_the_current_vc_is_the_default(alice: Caller) -> None:
    assert alice.post("/vcs/vision/select").status_code == 200
    assert put(alice, "team/ours").get_json()["vc"] == "vision"
    assert names(alice) == [("team", "ours")]


def test_keeping_needs_the_permission_to_submit(web_house: WebHouse) -> None:
    problem_of(put(web_house.caller("vera"), "user/a"), 403)
    assert names(web_house.caller("vera")) == []
