"""One's own SSH keys under Account info and by the API (A5)."""

from __future__ import annotations

import pytest
from public_keys import key_line
from web_house import problem_of


@pytest.fixture(scope="module")
def key() -> str:
    return key_line()


def test_by_the_page(browse, key):
    browser = browse("newcomer")
    wrong = browser.post("/account/ssh-keys", {"ssh_name": "", "ssh_key": "nonsense"})
    assert wrong.status_code == 422
    assert "Enter one line such as" in wrong.text
    assert 'value="nonsense"' in wrong.text
    form = {"ssh_name": "laptop", "ssh_key": f"{key} me@laptop"}
    assert browser.post("/account/ssh-keys", form).status_code == 303
    page = browser.page("/account/")
    assert "SHA256:" in page
    again = browser.post("/account/ssh-keys", {**form, "ssh_name": "desk"})
    assert again.status_code == 409
    assert "You have this key already" in again.text
    number = page.split("/account/ssh-keys/")[1].split("/")[0]
    assert browse("alice").post(f"/account/ssh-keys/{number}/delete").status_code == 303
    assert "SHA256:" in browser.page("/account/")
    browser.post(f"/account/ssh-keys/{number}/delete")
    assert "SHA256:" not in browser.page("/account/")


def test_by_the_api(web_house, key):
    alice, bob = web_house.caller("alice"), web_house.caller("bob")
    made = alice.post("/me/ssh-keys", {"name": "laptop", "key": f"{key} x"})
    assert made.status_code == 201, made.text
    shown = made.get_json()
    assert (shown["type"], shown["key"]) == ("ssh-ed25519", key)
    assert shown["fingerprint"].startswith("SHA256:")
    assert alice.get("/me/ssh-keys").get_json()["items"] == [shown]
    assert bob.get("/me/ssh-keys").get_json()["items"] == []
    problem_of(alice.post("/me/ssh-keys", {"name": "again", "key": key}), 409)
    errors = problem_of(alice.post("/me/ssh-keys", {"name": "", "key": "ssh-dss AAAA"}), 422)
    assert set(errors["errors"]) == {"name", "key"}
    problem_of(alice.post("/me/ssh-keys", {"name": "x"}), 422)
    problem_of(bob.send("DELETE", f"/me/ssh-keys/{shown['id']}"), 404)
    assert alice.send("DELETE", f"/me/ssh-keys/{shown['id']}").status_code == 204
    problem_of(alice.send("DELETE", f"/me/ssh-keys/{shown['id']}"), 404)


def test_they_go_with_the_account(web_house, key):
    alice, root = web_house.caller("alice"), web_house.caller("root")
    alice.post("/me/ssh-keys", {"name": "laptop", "key": key})
    root.send("DELETE", "/users/1")
    from portal.models import SshKeyRow
    from portal.models.db import session

    with session():
        assert SshKeyRow.select().count() == 0


def test_the_log_tells_who_added_which(web_house, browse, key):
    web_house.caller("alice").post("/me/ssh-keys", {"name": "laptop", "key": key})
    (entry,) = web_house.caller("root").get("/audit?object_type=ssh_key").get_json()["items"]
    assert (entry["actor"], entry["action"]) == ("alice", "ssh_key.create")
    assert entry["address"] == "127.0.0.1"
    assert "added the SSH key laptop" in browse("root").page("/dashboard/audit/")
