"""Who may do what: the cast walks through every call."""

from __future__ import annotations

from typing import Any

import pytest
from house import CAST, PASSWORD, body
from web_house import LOGIN, WebHouse, problem_of

from portal.api.calls import CALLS
from portal.models import JobRow
from portal.models.db import session

ACTIONS = ("pause", "kill", "resume")
LOOKS = ("", "/submission", "/events", "/logs")

#         may see alice's job, may manage it
RIGHTS = {
    "alice": (True, True),
    "bob": (False, False),
    "carol": (False, False),
    "vera": (True, False),
    "mona": (True, True),
    "root": (True, True),
}


@pytest.mark.parametrize(("name", "rights"), RIGHTS.items())
def test_a_job_of_alice(web_house: WebHouse, name: str, rights: tuple[bool, bool]) -> None:
    sees, manages = rights
    caller = web_house.caller(name)
    job_id = web_house.house.run("alice")
    for look in LOOKS:
        assert caller.get(f"/jobs/{job_id}{look}").status_code == (200 if sees else 404), look
    refused = 403 if sees else 404
    changed = caller.patch(f"/jobs/{job_id}", {"priority": 5})
    assert changed.status_code == (200 if manages else refused)
    many = caller.post("/jobs/actions", {"action": "resume", "ids": [job_id]}).get_json()
    codes = {200: "conflict", 403: "forbidden", 404: "not_found"}
    assert many["results"][0]["code"] == codes[200 if manages else refused]
    acted = caller.post(f"/jobs/{job_id}/pause")
    assert acted.status_code == (202 if manages else refused)
    assert web_house.house.state(job_id) == ("pausing" if manages else "running")


@pytest.mark.parametrize("name", RIGHTS)
def test_the_lists(web_house: WebHouse, name: str) -> None:
    for owner in ("alice", "bob"):
        web_house.house.submit(owner)
    caller = web_house.caller(name)
    mine = caller.get("/jobs").get_json()
    assert {job["user"] for job in mine["items"]} == ({name} & {"alice", "bob"})
    everyone = caller.get("/jobs?scope=all")
    if RIGHTS[name][0] and name != "alice":
        assert {job["user"] for job in everyone.get_json()["items"]} == {"alice", "bob"}
    else:
        problem_of(everyone, 403)


def test_without_a_role_nothing_but_oneself(web_house: WebHouse) -> None:
    newcomer = web_house.caller("newcomer")
    me = newcomer.get("/me").get_json()
    assert (me["permissions"], me["vcs"], me["current_vc"]) == ([], [], None)
    for call in CALLS:
        path = call.path.replace("<job_id>", "x").replace("<name>", "platform")
        answer = newcomer.send(call.method, path, json={})
        if call.path.startswith(("/me", "/_openapi")):
            assert answer.status_code in (200, 404, 422), call.path
        else:
            problem_of(answer, 403)


def test_submitting_needs_the_permission(web_house: WebHouse) -> None:
    for path in ("/jobs", "/jobs/preview"):
        for name in ("vera", "mona"):
            problem_of(web_house.caller(name).post(path, body()), 403)


def test_an_outsider_cannot_submit_to_the_vc(web_house: WebHouse) -> None:
    carol = web_house.caller("carol")
    errors = problem_of(carol.post("/jobs", body(vc="vision")), 422)["errors"]
    assert list(errors) == ["vc"]
    assert carol.post("/jobs", body(vc="platform")).status_code == 201


def test_me(web_house: WebHouse) -> None:
    me = web_house.caller("alice").get("/me").get_json()
    assert me == {
        "id": 1,
        "username": "alice",
        "nickname": "alice",
        "roles": ["role of alice"],
        "groups": [],
        "permissions": ["submit_job", "view_vc"],
        "vcs": ["platform", "vision"],
        "current_vc": "platform",
    }
    root = web_house.caller("root").get("/me").get_json()
    assert root["permissions"] == list(CAST["root"])
    assert root["vcs"] == ["platform"]


def test_virtual_clusters(web_house: WebHouse) -> None:
    def names(name: str) -> list[str]:
        return [vc["name"] for vc in web_house.caller(name).get("/vcs").get_json()["items"]]

    assert names("alice") == ["platform", "vision"]
    assert names("carol") == ["platform"]
    assert names("root") == ["platform", "vision"]
    problem_of(web_house.caller("vera").get("/vcs"), 403)
    problem_of(web_house.caller("carol").get("/vcs/vision"), 404)
    problem_of(web_house.caller("carol").post("/vcs/vision/select"), 404)
    problem_of(web_house.caller("root").post("/vcs/vision/select"), 404)
    shown = web_house.caller("root").get("/vcs/vision").get_json()
    assert (shown["permission"], shown["usable"]) == ("manage", False)
    assert shown["members"] == {"users": ["alice", "bob", "mona", "vera"], "groups": []}
    chosen = web_house.caller("alice").post("/vcs/vision/select").get_json()
    assert (chosen["permission"], chosen["usable"], chosen["current"]) == ("view", True, True)
    assert web_house.caller("alice").get("/me").get_json()["current_vc"] == "vision"
    assert web_house.caller("bob").get("/me").get_json()["current_vc"] == "platform"


def sign_in(web_house: WebHouse, name: str) -> Any:
    """A browser that is signed in by the sign-in page, with its CSRF token."""
    browser = web_house.app.test_client()
    page = browser.get("/login/").text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    form = {"username": name, "password": PASSWORD, "csrf_token": token}
    assert browser.post("/login/", data=form).status_code == 302
    home = browser.get("/").text
    token = home.split('data-csrf="')[1].split('"')[0]
    return browser, token


def test_a_session_needs_its_csrf_token_to_change_anything(web_house: WebHouse) -> None:
    browser, token = sign_in(web_house, "alice")
    assert browser.get("/api/v1/me").get_json()["username"] == "alice"
    problem_of(browser.post("/api/v1/jobs", json=body()), 400)
    wrong = {"X-CSRFToken": "wrong"}
    problem_of(browser.post("/api/v1/jobs", json=body(), headers=wrong), 400)
    # Another site can make a browser send neither a bearer token nor the CSRF token; what
    # it can send does not help it.
    for header in ("Bearer", "Basic YTpi", "Bearer ", "Digest x"):
        answer = browser.post("/api/v1/jobs", json=body(), headers={"Authorization": header})
        assert answer.status_code in (400, 401), header
    with session():
        assert JobRow.select().count() == 0
    right = browser.post("/api/v1/jobs", json=body(), headers={"X-CSRFToken": token})
    assert right.status_code == 201


def test_a_token_counts_more_than_a_session(web_house: WebHouse) -> None:
    browser, _ = sign_in(web_house, "alice")
    bearer = {"Authorization": f"Bearer {web_house.token('bob')}"}
    assert browser.get("/api/v1/me", headers=bearer).get_json()["username"] == "bob"
    job = browser.post("/api/v1/jobs", json=body(), headers=bearer).get_json()
    assert job["user"] == "bob"
    broken = {"Authorization": "Bearer broken"}
    problem_of(browser.get("/api/v1/me", headers=broken), 401)


def test_a_refresh_token_is_no_access_token(web_house: WebHouse) -> None:
    client = web_house.app.test_client()
    body = {"username": "alice", "password": PASSWORD, "refresh": True}
    tokens = client.post(LOGIN, json=body).get_json()
    refresh = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    problem_of(client.get("/api/v1/me", headers=refresh), 401)
    fresh = client.post("/api/v1/security/refresh", headers=refresh).get_json()
    again = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert client.get("/api/v1/me", headers=again).get_json()["username"] == "alice"


def test_a_disabled_account_is_out_at_once(web_house: WebHouse) -> None:
    from flask_appbuilder.security.sqla.models import User

    caller = web_house.caller("alice")
    assert caller.get("/me").status_code == 200
    with web_house.app.app_context():
        session = web_house.app.appbuilder.session
        session.query(User).filter_by(username="alice").update({"active": False})
        session.commit()
    problem_of(caller.get("/me"), 401)
