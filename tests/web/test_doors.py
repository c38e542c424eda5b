"""Every door is watched (A6): limits, addresses behind proxies, bodies that are meant to break."""

from __future__ import annotations

import pytest
from flask import request
from house import PASSWORD
from web_house import LOGIN, problem_of
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import application
from portal.people import bindings, passwords
from portal.people.administration import session
from portal.people.provider import Outsider
from portal.settings import Settings
from portal.web.sign_in import outside

NEW = {
    "username": "",
    "nickname": "Mei",
    "password": "a long password",
    "password_again": "a long password",
}


def newcomer_of(browser):
    with browser.client.session_transaction() as cookie:
        cookie[outside.NEWCOMER] = {
            "provider": "wechat",
            "subject": "u-1",
            "name": "梅子",
            "at": 32503680000,
        }
    return browser


def test_signing_up_with_an_identity_is_slowed_down(browse):
    browser = newcomer_of(browse())
    for _ in range(5):
        assert browser.post("/sign-up/identity", NEW).status_code == 422
    answer = browser.post("/sign-up/identity", NEW)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Too many tries" in answer.text


def test_trying_many_names_is_slowed_down(browse):
    """The form tells whether a name is taken; nobody reads out all of them."""
    browser = browse()
    token = browser.csrf()
    codes = [
        browser.client.post(
            "/sign-up/", data={**NEW, "username": f"user{n}", "nickname": "", "csrf_token": token}
        ).status_code
        for n in range(22)
    ]
    assert codes == [422] * 20 + [429] * 2


def test_coming_back_from_outside_is_slowed_down(browse, web_house):
    settings = Settings(
        data_dir=web_house.house.settings.data_dir,
        wechat_app_id="wx1",
        wechat_page_url="http://127.0.0.1:1",
        wechat_api_url="http://127.0.0.1:1",
    )
    outside.install(web_house.app, settings)
    browser = browse()
    for number in range(31):
        browser.get("/login/oauth/wechat")
        browser.get("/login/oauth/wechat/callback?state=made-up&code=made-up")
        page = browser.page("/login/")
        assert ("Too many tries from your address" in page) is (number == 30)


def test_a_wrong_present_password_counts_with_the_wrong_ones_at_the_door(browse):
    browser = browse("alice")
    new = {"password": "another password", "password_again": "another password"}
    for _ in range(5):
        browser.post("/account/password", {**new, "present": "no"})
    answer = browser.post("/account/password", {**new, "present": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    login = browse().post("/login/", {"username": "alice", "password": PASSWORD})
    assert login.status_code == 429


def test_a_new_password_that_is_too_weak_is_no_wrong_password(browse):
    browser = browse("alice")
    weak = {"present": PASSWORD, "password": "short", "password_again": "short"}
    for _ in range(7):
        assert browser.post("/account/password", weak).status_code == 422


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"\xff\xfe", b""])
def test_a_body_that_is_meant_to_break_the_door(web_house, body):
    answer = web_house.app.test_client().post(LOGIN, data=body, content_type="application/json")
    problem_of(answer, 422)


@pytest.mark.parametrize("name", ["ali\x00ce", "\ud800", "a" * 100_000, "' OR 1=1 --"])
def test_names_that_are_meant_to_break_the_door(browse, web_house, name):
    client = web_house.app.test_client()
    answer = client.post(LOGIN, json={"username": name, "password": "x"})
    assert answer.status_code in (401, 422)
    if "\ud800" not in name:
        assert browse().post("/login/", {"username": name, "password": "x"}).status_code == 401


def address_behind(number: int, forwarded: str, monkeypatch) -> str:
    from flask import Flask

    app = Flask("x")
    app.add_url_rule("/", "x", lambda: f"{request.remote_addr} {request.scheme} {request.host}")
    application._believe_proxies(app, number)
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    return app.test_client().get("/", headers=headers).text


def test_only_proxies_that_were_named_are_believed(monkeypatch):
    told = "6.6.6.6, 192.0.2.7"
    assert address_behind(0, told, monkeypatch) == "127.0.0.1 http localhost"
    assert address_behind(1, told, monkeypatch).startswith("192.0.2.7 https")


def test_the_proxies_of_the_settings_are_used(web_house):
    settings = web_house.house.settings.model_copy(update={"trusted_proxies": 1})
    made = application.create_app(settings, portal=web_house.house.portal)
    assert isinstance(made.wsgi_app, ProxyFix)
    answer = made.test_client().get("/login/", headers={"X-Forwarded-Proto": "https"})
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in made.test_client().get("/login/").headers
    with made.app_context():
        made.extensions["sqlalchemy"].engine.dispose()


HANA = Outsider("microsoft", "t.1", name="Hana", username="hana", email="")


def test_two_first_sign_ins_at_once_make_one_account(web_house, monkeypatch):
    """The second finds no account and makes one: too late."""
    with web_house.app.app_context():
        first = bindings.make_account(session(), HANA, "10.0.0.1")
        again = bindings.make_account(session(), HANA, "10.0.0.1")
        assert again.id == first.id


def test_a_hundred_of_one_name(web_house):
    with web_house.app.app_context():
        names = [
            bindings.make_account(session(), Outsider("microsoft", f"t.{n}", username="li4"), "a")
            for n in range(101)
        ]
        usernames = [user.username for user in names]
        assert usernames[:2] == ["li4", "li4-2"]
        assert len({name.lower() for name in usernames}) == 101


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("nobody-at-all", PASSWORD),
        ("disabled", PASSWORD),
        ("only-microsoft", PASSWORD),
        ("ali\x00ce", PASSWORD),
    ],
)
@pytest.mark.usefixtures("slow_hashes")
def test_an_account_that_is_not_there_costs_as_much(web_house, monkeypatch, name, password):
    """One slow hash whatever the name: the time that it takes tells nobody which there are."""
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        for other in ("disabled", "only-microsoft"):
            user = manager.find_user(username="carol" if other == "disabled" else "bob")
            user.username = other
            user.active = other != "disabled"
            user.password = passwords.NONE
            if other == "disabled":
                user.password = passwords.hash_password(PASSWORD)
        manager.find_user(username="alice").password = passwords.hash_password(PASSWORD)
        manager.session.commit()
    checked: list[str] = []
    real = passwords.check_password_hash

    def counting(kept: str, given: str) -> bool:
        checked.append(kept.split("$")[0])
        return real(kept, given)

    monkeypatch.setattr(passwords, "check_password_hash", counting)
    client = web_house.app.test_client()
    problem_of(client.post(LOGIN, json={"username": name, "password": password}), 401)
    assert checked == ["scrypt:32768:8:1"]


def test_behind_tls_cookies_are_sent_over_tls_alone(web_house):
    settings = web_house.house.settings.model_copy(update={"secure_cookies": True})
    made = application.create_app(settings, portal=web_house.house.portal)
    client = made.test_client()
    token = client.get("/login/", base_url="https://localhost").text.split('name="csrf_token"')[1]
    form = {
        "username": "alice",
        "password": PASSWORD,
        "remember": "true",
        "csrf_token": token.split('value="')[1].split('"')[0],
    }
    headers = {"Referer": "https://localhost/login/"}
    answer = client.post("/login/", data=form, base_url="https://localhost", headers=headers)
    assert answer.status_code == 302, answer.text
    cookies = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("aoli_")]
    assert len(cookies) == 2
    for cookie in cookies:
        for flag in ("Secure", "HttpOnly", "SameSite=Lax"):
            assert flag in cookie, cookie
    with made.app_context():
        made.extensions["sqlalchemy"].engine.dispose()


def test_a_form_that_is_too_large_is_refused(browse):
    browser = browse("alice")
    answer = browser.post("/account/", {"nickname": "x" * (3 * 1024 * 1024)})
    assert answer.status_code == 413


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
@pytest.mark.parametrize("page", ["users", "groups", "roles"])
def test_a_number_that_no_row_has_is_not_found(browse, page, number):
    browser = browse("root")
    assert browser.get(f"/dashboard/{page}/{number}").status_code == 404
