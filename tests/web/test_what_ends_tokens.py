"""Tokens and keys end with what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from house import IDS, PASSWORD
from web_house import LOGIN, Caller, WebHouse, problem_of

NEW = "another horse battery"


def tokens(web_house: WebHouse, name: str, password: str = PASSWORD) -> tuple[Caller, Caller]:
    """Two callers: one with the access token of a log-in, one with its refresh token."""
    client = web_house.app.test_client()
    asked = {"username": name, "password": password, "provider": "db", "refresh": True}
    answer = client.post(LOGIN, json=asked).get_json()
    return Caller(client, answer["access_token"]), Caller(client, answer["refresh_token"])


def log_out(web_house: WebHouse, browse: Callable[..., Any]) -> None:
    assert browse("alice").post("/logout/").status_code == 302


def disable_and_enable(web_house: WebHouse, browse: Callable[..., Any]) -> None:
    root = web_house.caller("root")
    for active in (False, True):
        answer = root.patch(f"/users/{IDS['alice']}", {"active": active})
        assert answer.status_code == 200, answer.text


def change_password(web_house: WebHouse, browse: Callable[..., Any]) -> None:
    fields = {"present": PASSWORD, "password": NEW, "password_again": NEW}
    assert browse("alice").post("/account/password", fields).status_code == 303


@pytest.mark.parametrize("end", [log_out, disable_and_enable, change_password])
def test_every_token_falls_with_the_sessions(
    web_house: WebHouse, browse: Callable[..., Any], end: Callable[..., None]
) -> None:
    access, refresh = tokens(web_house, "alice")
    other, _ = tokens(web_house, "bob")
    assert access.get("/me").status_code == 200
    renewed = refresh.post("/security/refresh")
    access_by_refresh = Caller(access.client, renewed.get_json()["access_token"])
    assert access_by_refresh.get("/me").status_code == 200
    end(web_house, browse)
    assert access.get("/me").status_code == 401
    assert access_by_refresh.get("/me").status_code == 401
    assert refresh.post("/security/refresh").status_code == 401
    assert other.get("/me").status_code == 200
    password = NEW if end is change_password else PASSWORD
    assert tokens(web_house, "alice", password)[0].get("/me").status_code == 200


def test_keys_end_when_their_account_is_disabled(
    web_house: WebHouse, browse: Callable[..., Any]
) -> None:
    alice = web_house.caller("alice")
    key = Caller(alice.client, alice.post("/me/api-keys", {"name": "ci"}).get_json()["key"])
    log_out(web_house, browse)
    assert key.get("/me").status_code == 200  # a key is no session
    disable_and_enable(web_house, browse)
    assert key.get("/me").status_code == 401
    assert web_house.caller("alice").get("/me/api-keys").get_json()["items"] == []


def test_a_key_makes_no_keys(web_house: WebHouse) -> None:
    """One that it made would go on when it is revoked, or after its end."""
    alice = web_house.caller("alice")
    key = Caller(alice.client, alice.post("/me/api-keys", {"name": "ci"}).get_json()["key"])
    assert (
        "cannot make another key"
        in problem_of(key.post("/me/api-keys", {"name": "for ever"}), 403)["detail"]
    )
    ssh = {"name": "x", "key": "ssh-ed25519 AAAA"}
    assert "cannot make another key" in problem_of(key.post("/me/ssh-keys", ssh), 403)["detail"]
    assert len(alice.get("/me/api-keys").get_json()["items"]) == 1
