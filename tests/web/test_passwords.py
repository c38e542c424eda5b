"""What a good password is (A2): configurable, and said before one is chosen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask_appbuilder.security.sqla.models import ApiKey
from web_house import problem_of

from portal import application
from portal.people.administration import session
from portal.people.passwords import PasswordPolicy, hash_password, is_right
from portal.settings import load_settings


@pytest.mark.parametrize(
    ("classes", "password", "good"),
    [
        (1, "lowercase", True),
        (2, "lowercase", False),
        (2, "lowerCase", True),
        (3, "lowerCase", False),
        (3, "lowerCase1", True),
        (4, "lowerCase1", False),
        (4, "lowerCase-1", True),
        (4, "密码lowerC1!", True),
    ],
)
def test_kinds_of_characters(classes, password, good):
    assert (PasswordPolicy(8, classes).problem(password) is None) is good


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "password1",
        "PASSWORD123",
        "alice.li",
        "x" * 257,
        "aaaaaaaa",
        "aAaAaAaA",
        "abababab",
    ],
)
def test_what_is_never_good(password):
    assert PasswordPolicy(8, 1).problem(password, "alice.li") is not None


def test_half_a_pair_is_no_password():
    assert PasswordPolicy().problem("a long \ud800 password") is not None
    assert not is_right(hash_password("a long password"), "a long \ud800 password")


def test_the_policy_of_the_settings_holds_and_is_said(web_house, tmp_path):
    given = {"AOLI_PASSWORD_MIN_LENGTH": "12", "AOLI_PASSWORD_CLASSES": "3"}
    loaded = load_settings({**given, "AOLI_CONFIG_DIR": str(tmp_path)})
    changed = {name: getattr(loaded, name) for name in ("password_min_length", "password_classes")}
    settings = web_house.house.settings.model_copy(update=changed)
    made = application.create_app(settings, portal=web_house.house.portal)
    client = made.test_client()
    page = client.get("/sign-up/").text
    assert "At least 12 characters of 3 kinds" in page
    form = {
        "username": "nina",
        "nickname": "Nina",
        "csrf_token": page.split('name="csrf_token" value="')[1].split('"')[0],
    }
    for password, said in (
        ("Short-1", "Use at least 12 characters"),
        ("a long password", "Use 3 kinds of characters"),
    ):
        answer = client.post(
            "/sign-up/", data={**form, "password": password, "password_again": password}
        )
        assert answer.status_code == 422
        assert said in answer.text
    good = dict.fromkeys(("password", "password_again"), "A long passw0rd")
    assert client.post("/sign-up/", data={**form, **good}).status_code == 303
    with made.app_context():
        made.extensions["sqlalchemy"].engine.dispose()


def test_a_key_ends_with_its_time(web_house):
    alice, caller = web_house.caller("alice"), web_house.caller(None)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = alice.post("/me/api-keys", {"name": "ci", "expires_at": soon}).get_json()
    caller.token = made["key"]
    assert caller.get("/me").status_code == 200
    with web_house.app.app_context():
        over = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
        session().query(ApiKey).filter_by(id=made["id"]).update({"expires_on": over})
        session().commit()
    problem_of(caller.get("/me"), 401)
    (shown,) = alice.get("/me/api-keys").get_json()["items"]
    assert shown["expires_at"] < shown["created_at"] or shown["expires_at"] < soon
