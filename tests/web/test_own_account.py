"""Sign-up and one's own account (A2, A5): also without any role."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from house import PASSWORD
from web_house import problem_of

NINA = {
    "username": "nina",
    "nickname": "Nina",
    "password": "a long password",
    "password_again": "a long password",
}


def test_signing_up_leads_to_an_account_without_a_role(browse):
    browser = browse()
    answer = browser.post("/sign-up/", NINA)
    assert answer.location == "/login/"
    entered = browser.post("/login/", {"username": "nina", "password": NINA["password"]})
    assert entered.status_code == 302
    assert browser.get("/").status_code == 403
    assert "Your account has no role yet" in browser.page("/account/")
    assert browser.post("/logout/").status_code == 302


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": "ALICE"}, "This username is taken"),
        ({"username": "a b"}, "Use 3 to 64 letters"),
        ({"nickname": ""}, "Required"),
        ({"password_again": "other"}, "The two passwords differ"),
        ({"password": "short", "password_again": "short"}, "Use at least 8 characters"),
        ({"password": "password1", "password_again": "password1"}, "too easy to guess"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(browse, change, said):
    answer = browse().post("/sign-up/", {**NINA, **change})
    assert answer.status_code == 422
    assert said in answer.text
    assert "a long password" not in answer.text


def test_signing_up_can_be_switched_off(browse, web_house):
    web_house.app.config["AOLI_SIGN_UP"] = False
    browser = browse()
    assert browser.get("/sign-up/").status_code == 404
    assert browser.post("/sign-up/", NINA).status_code == 404
    assert "/sign-up/" not in browser.page("/login/")


def test_signing_up_is_slowed_down(browse):
    browser = browse()
    for _ in range(5):
        assert browser.post("/sign-up/", {**NINA, "nickname": ""}).status_code == 422
    assert browser.post("/sign-up/", NINA).status_code == 429


def test_ones_own_data(browse):
    browser = browse("newcomer")
    assert "newcomer" in browser.page("/account/")
    browser.post("/account/", {"nickname": "New", "phone": "123", "email": "n@x.org"})
    assert "n@x.org" in browser.page("/account/")
    wrong = browser.post("/account/", {"nickname": "", "phone": "x", "email": "n"})
    assert wrong.status_code == 422


def test_a_changed_password_ends_other_sessions(browse):
    here, there = browse("alice"), browse("alice")
    new = {
        "present": PASSWORD,
        "password": "another password",
        "password_again": "another password",
    }
    assert here.post("/account/password", {**new, "present": "wrong"}).status_code == 422
    assert here.post("/account/password", new).status_code == 303
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    login = {"username": "alice", "password": "another password"}
    assert browse().post("/login/", login).status_code == 302


def test_guessing_the_present_password_is_slowed_down(browse):
    browser = browse("alice")
    body = {"present": "no", "password": "another password", "password_again": "another password"}
    for _ in range(5):
        assert browser.post("/account/password", body).status_code == 422
    assert browser.post("/account/password", {**body, "present": PASSWORD}).status_code == 429


def test_a_key_is_shown_once_and_works_until_it_is_revoked(browse, web_house):
    browser = browse("alice")
    page = browser.post("/account/keys", {"name": "laptop", "days": "30"})
    key = re.search(r'id="new-key">(aoli_[\w-]{43})<', page.text).group(1)
    assert key not in browser.page("/account/")
    caller = web_house.caller(None)
    caller.token = key
    assert caller.get("/me").get_json()["username"] == "alice"
    (listed,) = caller.get("/me/api-keys").get_json()["items"]
    assert listed["last_used_at"]
    assert listed["expires_at"]
    assert key not in str(listed)
    browser.post(f"/account/keys/{listed['id']}/revoke")
    problem_of(caller.get("/me"), 401)


def test_keys_by_the_api(web_house):
    alice, bob = web_house.caller("alice"), web_house.caller("bob")
    made = alice.post("/me/api-keys", {"name": "ci", "expires_at": None}).get_json()
    assert made["key"].startswith("aoli_")
    problem_of(bob.send("DELETE", f"/me/api-keys/{made['id']}"), 404)
    past = {"name": "ci", "expires_at": "2001-01-01T00:00:00Z"}
    assert "expires_at" in problem_of(alice.post("/me/api-keys", past), 422)["errors"]
    assert "name" in problem_of(alice.post("/me/api-keys", {}), 422)["errors"]
    assert alice.send("DELETE", f"/me/api-keys/{made['id']}").status_code == 204
    assert alice.get("/me/api-keys").get_json()["items"] == []


def test_a_key_ends_with_its_account(web_house):
    alice = web_house.caller("alice")
    caller = web_house.caller(None)
    caller.token = alice.post("/me/api-keys", {"name": "ci"}).get_json()["key"]
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        user = manager.find_user(username="alice")
        user.active = False
        manager.session.commit()
    problem_of(caller.get("/me"), 401)
    caller.token = "aoli_made-up"
    problem_of(caller.get("/me"), 401)


def test_a_changed_password_ends_tokens(web_house):
    alice = web_house.caller("alice")
    assert alice.get("/me").status_code == 200
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        user = manager.find_user(username="alice")
        user.password_changed_on = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=5)
        manager.session.commit()
    problem_of(alice.get("/me"), 401)
