"""``Idempotency-Key``: a submission that is sent again makes no second job."""

from __future__ import annotations

from typing import Any

import pytest
from house import body
from web_house import Caller, WebHouse, problem_of


def submit(caller: Caller, key: str, **fields: Any) -> Any:
    return caller.post("/jobs", body(**fields), headers={"Idempotency-Key": key})


def test_the_same_again_is_the_job_of_the_first_time(web_house: WebHouse, alice: Caller) -> None:
    first = submit(alice, "one")
    assert first.status_code == 201
    web_house.house.work()
    again = submit(alice, "one")
    assert again.status_code == 201
    assert again.get_json()["id"] == first.get_json()["id"]
    assert again.headers["Location"] == first.headers["Location"]
    assert again.get_json()["status"] == "scheduling"  # as it is now
    assert alice.get("/jobs").get_json()["total"] == 1


def test_other_keys_other_users_and_no_key_make_jobs_of_their_own(
    web_house: WebHouse, alice: Caller
) -> None:
    ids = {
        answer.get_json()["id"]
        for answer in (
            submit(alice, "one"),
            submit(alice, "two"),
            submit(web_house.caller("bob"), "one"),
            alice.post("/jobs", body()),
            alice.post("/jobs", body()),
        )
    }
    assert len(ids) == 5


def test_a_key_stands_for_one_submission(alice: Caller) -> None:
    assert submit(alice, "one").status_code == 201
    refused = problem_of(submit(alice, "one", command="echo other"), 422)
    assert refused["errors"] == {"Idempotency-Key": ["Was used for another submission"]}
    assert alice.get("/jobs").get_json()["total"] == 1


def test_a_refused_submission_takes_no_key(alice: Caller) -> None:
    assert submit(alice, "one", image="").status_code == 422
    assert submit(alice, "one").status_code == 201


def test_after_a_day_the_key_is_free(web_house: WebHouse, alice: Caller) -> None:
    first = submit(alice, "one").get_json()["id"]
    web_house.house.advance(24 * 3600 - 1)
    assert submit(alice, "one").get_json()["id"] == first
    web_house.house.advance(1)
    assert submit(alice, "one").get_json()["id"] != first


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "schlüssel"])
def test_what_is_no_key(alice: Caller, key: str) -> None:
    assert "Idempotency-Key" in problem_of(submit(alice, key), 422)["errors"]
    assert alice.get("/jobs").get_json()["total"] == 0
