"""Waiting jobs of who may not start anything now: they stay, say why, and start later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from house import GPU, IDS, actor, close_database, make_house, make_settings, seed, seed_accounts
from servers import PostgresServer
from web_house import Caller, WebHouse

from portal.domain.reason import Reason, load
from portal.models import VcMemberRow
from portal.models.db import database, session
from portal.services.jobs.listing import JobQuery


@pytest.fixture
def root(web_house: WebHouse) -> Caller:
    return web_house.caller("root")


def user(root: Caller, name: str, **change: Any) -> None:
    answer = root.patch(f"/users/{IDS[name]}", change)
    assert answer.status_code == 200, answer.text


def vision(root: Caller, **members: list[str]) -> None:
    assert root.patch("/vcs/vision", {"members": members}).status_code == 200


def one_pass(web_house: WebHouse) -> None:
    with session():
        web_house.house.portal.admitter.admit()
    web_house.house.work()


def group(root: Caller, name: str, **fields: Any) -> None:
    made = root.post("/groups", {"name": name, "description": "ours", **fields})
    assert made.status_code == 201, made.text


def leave_group(root: Caller) -> None:
    items = root.get("/groups").get_json()["items"]
    found = next(one for one in items if one["name"] == "lab")
    assert root.patch(f"/groups/{found['id']}", {"users": []}).status_code == 200


def join_group(root: Caller) -> None:
    items = root.get("/groups").get_json()["items"]
    found = next(one for one in items if one["name"] == "lab")
    assert root.patch(f"/groups/{found['id']}", {"users": ["alice"]}).status_code == 200


Act = Callable[[Caller], None]
ROLE = "role of alice"
CASES: dict[str, tuple[Act, Act, Act, str, str]] = {
    "the account is disabled": (
        lambda root: None,
        lambda root: user(root, "alice", active=False),
        lambda root: user(root, "alice", active=True),
        "disabled",
        "The account alice is disabled.",
    ),
    "the last role is taken away": (
        lambda root: None,
        lambda root: user(root, "alice", roles=[]),
        lambda root: user(root, "alice", roles=[ROLE]),
        "no_role",
        "alice has no role that allows submitting jobs.",
    ),
    "another role does not allow it": (
        lambda root: None,
        lambda root: user(root, "alice", roles=["role of vera"]),
        lambda root: user(root, "alice", roles=["role of vera", ROLE]),
        "no_role",
        "alice has no role that allows submitting jobs.",
    ),
    "the virtual cluster has other members now": (
        lambda root: None,
        lambda root: vision(root, users=["bob"]),
        lambda root: vision(root, users=["alice", "bob"]),
        "not_member",
        "alice is not a member of the virtual cluster vision any more.",
    ),
    "the group that gave the role is left": (
        lambda root: (
            group(root, "lab", roles=[ROLE], users=["alice"]),
            user(root, "alice", roles=[]),
        )[1],
        leave_group,
        join_group,
        "no_role",
        "alice has no role that allows submitting jobs.",
    ),
    "the group that is the member is left": (
        lambda root: (
            group(root, "lab", roles=["role of vera"], users=["alice"]),
            vision(root, users=["bob"], groups=["lab"]),
        )[1],
        leave_group,
        join_group,
        "not_member",
        "alice is not a member of the virtual cluster vision any more.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_they_wait_with_that_reason_until_the_right_returns(
    web_house: WebHouse, root: Caller, case: str
) -> None:
    before, lose, regain, why, sentence = CASES[case]
    house = web_house.house
    house.run("bob", device_type=GPU, devices=4, name="in the way")
    job_id = house.submit("alice", device_type=GPU, devices=2)
    other = house.submit("bob", device_type=GPU, devices=2)
    before(root)
    one_pass(web_house)
    assert root.get(f"/jobs/{job_id}").get_json()["reason"]["code"] == "vc_quota"
    lose(root)
    told = root.get(f"/jobs/{job_id}").get_json()
    assert told["reason"] == {
        "code": "owner",
        "message": sentence,
        "user": "alice",
        "vc": "vision",
        "why": why,
    }
    assert told["remedy"].startswith("It starts by itself when an administrator")
    assert told["lead_priority"] is None
    for running in root.get("/jobs?scope=all&status=running").get_json()["items"]:
        house.end(running["id"])
    one_pass(web_house)
    assert (house.state(job_id), house.state(other)) == ("queued", "scheduling")
    assert (
        root.get("/jobs?scope=all&status=queued").get_json()["items"][0]["reason"]
        == (told["reason"])
    )
    regain(root)
    one_pass(web_house)
    assert house.state(job_id) == "scheduling"


def test_what_runs_goes_on(web_house: WebHouse, root: Caller) -> None:
    job_id = web_house.house.run("alice", device_type=GPU, devices=2)
    user(root, "alice", active=False)
    one_pass(web_house)
    web_house.house.look()
    assert web_house.house.state(job_id) == "running"


def test_an_open_virtual_cluster_has_everybody_as_a_member(
    web_house: WebHouse, root: Caller
) -> None:
    house = web_house.house
    job_id = house.submit("carol", vc="platform", device_type=GPU, devices=1)
    one_pass(web_house)
    assert house.state(job_id) == "scheduling"


def test_rights_are_read_from_postgresql_too(postgres: PostgresServer, tmp_path: Path) -> None:
    name = postgres.create()
    settings = make_settings(tmp_path, postgres.url(name))
    settings.data_dir.mkdir(parents=True)
    try:
        seed_accounts(settings)
        house = make_house(settings)
        seed(house)
        with session():
            VcMemberRow.insert(vc="vision", kind="group", name="lab").execute()
        waits = {who: house.submit(who, device_type=GPU, devices=1) for who in ("alice", "bob")}
        with session():
            database.execute_sql("UPDATE ab_user SET active = false WHERE username = 'alice'")
        house.work()
        assert (house.state(waits["alice"]), house.state(waits["bob"])) == ("queued", "scheduling")
        with session():
            query = JobQuery(scope="all", statuses=("queued",))
            (listed,) = house.portal.jobs.page(actor("root"), query).items
        assert load(listed["reason"]) == Reason(
            "owner", {"user": "alice", "vc": "vision", "why": "disabled"}
        )
        with session():
            database.execute_sql("UPDATE ab_user SET active = true WHERE username = 'alice'")
            house.portal.admitter.admit()
        assert house.state(waits["alice"]) == "scheduling"
    finally:
        close_database()
        postgres.drop(name)
