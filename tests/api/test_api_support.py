"""Asking for help with a job (spec D5), over the API; the mail is what the operators get."""

from __future__ import annotations

from typing import Any

import pytest
from house import GPU, IDS
from web_house import Caller, WebHouse, problem_of

from portal.models import JobRow, MailRow
from portal.models.db import database, session
from portal.services.mail.support import MOST_PER_HOUR
from portal.wiring import connect

SECRET = "hunter2-hunter2"


def ask(caller: Caller, job_id: str, message: str = "It hangs.", **fields: Any) -> Any:
    return caller.post(f"/jobs/{job_id}/support", {"message": message, **fields})


@pytest.fixture
def job_id(web_house: WebHouse) -> str:
    return web_house.house.run(
        name="resnet50",
        device_type=GPU,
        devices=2,
        command=f"export WANDB_API_KEY={SECRET}x\npython train.py --token {SECRET} --lr 0.1",
        env={"LR": "0.1", "DB_PASSWORD": SECRET, "PLAIN": f"postgres://u:{SECRET}@db/x"},
        registry={"server": "r.example", "username": "u", "password": "the-registry-password"},
    )


def test_the_operators_get_the_message_and_the_facts(
    web_house: WebHouse, alice: Caller, job_id: str
) -> None:
    answer = ask(alice, job_id)
    assert answer.status_code == 202
    assert answer.get_json()["id"] == job_id
    assert web_house.house.mailer.sent == []  # a worker sends it
    web_house.house.work()
    (mail,) = web_house.house.mailer.sent
    assert mail.receivers == ("ops@example.org",)
    assert mail.subject == f"[lab] Job resnet50 ({job_id[:8]}) is running"
    assert mail.body.startswith("It hangs.\n\n-- \n")
    for fact in (job_id, "alice", "running", "vision", f"{GPU}", "node-1", "LR=0.1", "--lr 0.1"):
        assert fact in mail.body
    assert mail.reply_to == ""  # alice has no address of her own


def test_no_secret_of_the_job_leaves(web_house: WebHouse, alice: Caller, job_id: str) -> None:
    message = f"my password is {SECRET} and the registry has the-registry-password"
    ask(alice, job_id, message, subject=f"about {SECRET}")
    web_house.house.work()
    (mail,) = web_house.house.mailer.sent
    whole = mail.subject + mail.body
    assert SECRET not in whole
    assert "the-registry-password" not in whole
    assert "DB_PASSWORD=(hidden)" in mail.body
    assert "WANDB_API_KEY=(hidden)" in mail.body


def test_answers_go_to_the_users_own_address(
    web_house: WebHouse, alice: Caller, job_id: str
) -> None:
    with session():
        database.execute_sql(
            "UPDATE ab_user SET email='alice@example.org' WHERE id=?", (IDS["alice"],)
        )
    ask(alice, job_id, subject="Help")
    web_house.house.work()
    (mail,) = web_house.house.mailer.sent
    assert (mail.reply_to, mail.subject) == ("alice@example.org", "Help")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": "  "}, "message"),
        ({"message": "x" * 10_001}, "message"),
        ({"message": ["x"]}, "message"),
        ({"message": "x", "subject": "a\r\nBcc: all@example.org"}, "subject"),
        ({"message": "x", "subject": "y" * 201}, "subject"),
        ({"message": "x", "to": "all@example.org"}, "to"),
        ([], "body"),
    ],
)
def test_wrong_fields(alice: Caller, job_id: str, body: Any, field: str) -> None:
    document = problem_of(alice.post(f"/jobs/{job_id}/support", body), 422)
    assert list(document["errors"]) == [field]
    with session():
        assert MailRow.select().count() == 0


def test_who_may_ask(web_house: WebHouse, job_id: str) -> None:
    assert ask(web_house.caller("mona"), job_id).status_code == 202
    problem_of(ask(web_house.caller("vera"), job_id), 403)
    problem_of(ask(web_house.caller("bob"), job_id), 404)
    problem_of(ask(web_house.caller(None), job_id), 401)


def test_the_same_words_go_out_once_a_day(web_house: WebHouse, alice: Caller, job_id: str) -> None:
    assert [ask(alice, job_id).status_code for _ in range(3)] == [202] * 3
    web_house.house.work()
    assert len(web_house.house.mailer.sent) == 1


def test_not_too_often(web_house: WebHouse, alice: Caller, job_id: str) -> None:
    for number in range(MOST_PER_HOUR):
        assert ask(alice, job_id, f"message {number}").status_code == 202
    refused = ask(alice, job_id, "one more")
    problem_of(refused, 429)
    assert refused.headers["Retry-After"] == "3600"
    assert ask(web_house.caller("mona"), job_id, "of another user").status_code == 202


def test_where_no_mail_is_set_up_it_says_so(web_house: WebHouse, tmp_path: Any) -> None:
    house = web_house.house
    job_id = house.submit()
    silent = house.settings.model_copy(update={"smtp_sender": ""})
    closed = WebHouse.__new__(WebHouse)
    house.portal = connect(
        silent,
        cluster=house.cluster,
        queue=house.queue,
        events=house.events,
        clock=lambda: house.now,
    )
    house.settings = silent
    closed.__init__(house)  # type: ignore[misc]
    document = problem_of(ask(closed.caller("alice"), job_id), 409)
    assert "smtp_url, smtp_sender and support_receivers" in document["detail"]
    client = closed.app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = f"{IDS['alice']}.0", True
    page = client.get(f"/jobs/{job_id}").text
    assert f"/jobs/{job_id}/support" not in page
    assert 'title="Mail is not set up in this portal."' in page
    with session():
        assert JobRow.get_by_id(job_id).state == "queued"
    closed.close()


def test_the_outbox_is_a_metric(web_house: WebHouse, alice: Caller, job_id: str) -> None:
    ask(alice, job_id)
    text = web_house.app.test_client().get("/metrics").text
    assert "\naoli_mail_outbox 1.0\n" in text
