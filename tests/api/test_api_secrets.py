"""Secrets of a job leave the house only for its owner and who may manage it."""

from __future__ import annotations

from typing import Any

import pytest
from house import BOTH_DATABASES, House, actor, body
from web_house import Caller, WebHouse, problem_of

from portal.models import JobSecretRow
from portal.models.db import session

ENV = {
    "LR": "0.1",
    "MAX_TOKENS": "512",
    "DB_PWD": "s3cret-pwd",
    "MINE": "s3cret-mine",
    "URL": "postgres://u:s3cret-url@h/db",
}
JOB = body(
    env=ENV,
    secret_env=["MINE"],
    command="curl https://s3cret-tok@host/x --token s3cret-opt; echo s3cret-mine",
)


@pytest.fixture
def job(alice: Caller) -> dict[str, Any]:
    answer = alice.post("/jobs", JOB)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def test_a_viewer_sees_names_but_no_secret(web_house: WebHouse, job: dict[str, Any]) -> None:
    vera = web_house.caller("vera")
    answer = vera.get(f"/jobs/{job['id']}")
    seen = answer.get_json()
    assert seen["env"] == {
        "LR": "0.1",
        "MAX_TOKENS": "512",
        "DB_PWD": "********",
        "MINE": "********",
        "URL": "postgres://********@h/db",
    }
    assert seen["secret_env"] == ["MINE"]
    assert seen["command"] == "curl https://********@host/x --token ********; echo ********"
    assert set(seen["redacted"]) == {"command", "env.DB_PWD", "env.MINE", "env.URL"}
    for path in ("/jobs?scope=all", "/jobs/csv?scope=all", f"/jobs/{job['id']}/events"):
        told = vera.get(path)
        assert told.status_code == 200
        assert "s3cret" not in told.text


@pytest.mark.parametrize("name", ["alice", "mona", "root"])
def test_owner_and_managers_see_it_in_clear(
    web_house: WebHouse, job: dict[str, Any], name: str
) -> None:
    seen = web_house.caller(name).get(f"/jobs/{job['id']}").get_json()
    assert (seen["env"], seen["command"], seen["redacted"]) == (ENV, JOB["command"], [])


def test_a_viewers_copy_has_them_empty_and_named(
    web_house: WebHouse, alice: Caller, job: dict[str, Any]
) -> None:
    copy = web_house.caller("vera").get(f"/jobs/{job['id']}/submission").get_json()
    assert copy["job"]["env"] == {**ENV, "DB_PWD": "", "MINE": "", "URL": ""}
    assert copy["job"]["command"] == "curl https://host/x --token ''; echo "
    assert set(copy["emptied"]) == {"command", "env.DB_PWD", "env.MINE", "env.URL"}
    own = alice.get(f"/jobs/{job['id']}/submission").get_json()
    assert (own["job"]["env"], own["job"]["secret_env"], own["emptied"]) == (ENV, ["MINE"], [])
    assert alice.post("/jobs", own["job"]).status_code == 201


def test_the_mark_is_no_value(alice: Caller) -> None:
    answer = alice.post("/jobs", body(env={"DB_PWD": "********"}))
    assert list(problem_of(answer, 422)["errors"]) == ["env.DB_PWD"]


@pytest.mark.parametrize("names", [["B"], ["A", "B"], "A", [1], {"A": 1}])
def test_secret_env_names_variables_of_env(alice: Caller, names: Any) -> None:
    answer = alice.post("/jobs", body(env={"A": "x"}, secret_env=names))
    assert list(problem_of(answer, 422)["errors"]) == ["secret_env"]


def test_a_template_says_what_it_emptied(alice: Caller) -> None:
    login = {"server": "r.example", "username": "u", "password": "s3cret-reg"}
    answer = alice.send("PUT", "/templates/user/a", json={"job": {**JOB, "registry": login}})
    assert "s3cret" not in answer.text
    kept = answer.get_json()
    assert kept["job"]["env"] == {**ENV, "DB_PWD": "", "MINE": "", "URL": ""}
    assert set(kept["emptied"]) == {
        *("command", "env.DB_PWD", "env.MINE", "env.URL", "registry.password")
    }
    assert alice.get("/templates/user/a").get_json() == kept


def test_a_marked_variable_is_in_no_support_mail(web_house: WebHouse, job: dict[str, Any]) -> None:
    with session():
        draft = web_house.house.portal.support.draft(actor("alice"), job["id"])
    assert "s3cret" not in draft.facts
    assert "MINE=(hidden)" in draft.facts


@BOTH_DATABASES
def test_a_registry_login_goes_with_its_virtual_cluster(house: House) -> None:
    login = {"server": "r.example", "username": "u", "password": "p"}
    job_id = house.submit("alice", registry=login)
    with session():
        assert JobSecretRow.select().where(JobSecretRow.job == job_id).count() == 1
        house.portal.vc_editor.delete(actor("root"), "vision")
        assert JobSecretRow.select().count() == 0
