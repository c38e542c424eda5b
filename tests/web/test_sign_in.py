"""Signing in and out (spec A1, A6): sessions, wrong passwords, redirects, tokens."""

from __future__ import annotations

import pytest
from house import NPU, PASSWORD
from web_house import problem_of
from web_pages import run_job


def sign_in(browser, name="alice", password=PASSWORD, **fields):
    return browser.post("/login/", {"username": name, "password": password, **fields})


def test_the_right_password_opens_a_session(browse):
    browser = browse()
    answer = sign_in(browser)
    assert (answer.status_code, answer.location) == (302, "/")
    assert "Recent jobs" in browser.page("/")


def test_the_session_is_a_new_one(browse):
    browser = browse()
    before = browser.csrf()
    sign_in(browser)
    assert browser.client.get_cookie("aoli_session").value
    stale = browser.client.post("/preferences/theme", data={"csrf_token": before, "theme": "dark"})
    assert stale.status_code == 400


def test_the_cookie_is_not_for_scripts_nor_for_other_sites(browse):
    answer = sign_in(browse())
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("aoli_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("nobody", PASSWORD)])
def test_a_wrong_one_says_no_more_than_that(browse, name, password):
    answer = sign_in(browse(), name, password)
    assert answer.status_code == 401
    assert "The account or the password is wrong." in answer.text
    assert f'value="{name}"' in answer.text


def test_after_five_wrong_passwords_there_is_a_pause(browse):
    browser = browse()
    for _ in range(5):
        last = sign_in(browser, password="wrong")
    assert last.status_code == 429
    refused = sign_in(browser)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert sign_in(browse(), "bob").status_code == 302


def test_the_pause_holds_for_tokens_too(browse, web_house):
    caller = web_house.caller(None)
    for _ in range(5):
        answer = caller.post("/security/login", {"username": "alice", "password": "no"})
        problem_of(answer, 401)
    problem_of(caller.post("/security/login", {"username": "alice", "password": PASSWORD}), 429)
    assert sign_in(browse()).status_code == 429


@pytest.mark.parametrize(
    "body", [None, [], {}, {"username": "alice"}, {"username": 1, "password": 2}]
)
def test_a_token_needs_both_fields(web_house, body):
    problem_of(web_house.caller(None).post("/security/login", body), 422)


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\t//evil",
    ],
)
def test_nobody_is_sent_to_another_site(browse, target):
    assert sign_in(browse(), next=target).location == "/"


def test_one_comes_back_to_the_page_one_wanted(browse):
    browser = browse()
    answer = browser.get("/jobs/?q=x")
    assert answer.location == "/login/?next=/jobs/?q%3Dx"
    assert 'name="next" value="/jobs/?q=x"' in browser.page(answer.location)
    assert sign_in(browser, next="/jobs/?q=x").location == "/jobs/?q=x"


def test_logging_out_ends_the_session_on_the_server(browse):
    browser = browse()
    sign_in(browser)
    kept = browser.client.get_cookie("aoli_session").value
    assert browser.post("/logout/").status_code == 302
    thief = browse()
    thief.client.set_cookie("aoli_session", kept)
    assert thief.get("/").status_code == 302


def test_staying_signed_in_ends_with_logging_out(browse):
    browser = browse()
    sign_in(browser, remember="true")
    kept = browser.client.get_cookie("aoli_remember").value
    browser.post("/logout/")
    thief = browse()
    thief.client.set_cookie("aoli_remember", kept)
    assert thief.get("/").status_code == 302


def test_logging_out_takes_a_form(at_alices):
    assert at_alices.get("/logout/").status_code == 405
    assert at_alices.client.post("/logout/").status_code == 400
    assert at_alices.get("/").status_code == 200


def test_a_disabled_account_is_signed_out(at_alices, web_house):
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        manager.find_user(username="alice").active = False
        manager.session.commit()
    assert at_alices.get("/").status_code == 302


def test_one_who_is_signed_in_needs_no_form(at_alices):
    assert at_alices.get("/login/").location == "/"


def test_devices_show_to_strangers_only_where_the_site_says_so(browse, web_house):
    run_job(web_house.house, name="secret_run", device_type=NPU, devices=4)
    assert "in use" not in browse(None).get("/login/").text
    web_house.app.config["AOLI_SIGN_IN_DEVICES"] = True
    page = browse(None).get("/login/").text
    assert "4 / 8 in use" in page
    assert "0 / 8 in use" in page
    assert "secret_run" not in page
    assert "node-1" not in page


OF_THE_PAGE = {"Referer": "http://localhost/dashboard/roles/new?x=1"}


def test_a_form_of_a_session_that_is_over_leads_back_to_its_page(browse):
    answer = browse().client.post("/dashboard/roles/new", data={"name": "a"}, headers=OF_THE_PAGE)
    assert (answer.status_code, answer.location) == (303, "/dashboard/roles/new?x=1")
    assert "returned=1; " in answer.headers["Set-Cookie"]


def test_a_script_is_told_that_nobody_is_signed_in(browse):
    headers = {"X-Requested-With": "script", **OF_THE_PAGE}
    answer = browse().client.post("/submit/preview", data={"name": "a"}, headers=headers)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "https://elsewhere.example/dashboard/roles/new",
        "http://localhost//elsewhere.example/",
        "http://localhost/preferences/theme",  # no page: it only answers forms
        "http://localhost/no/such/page",
    ],
)
def test_a_form_of_no_page_of_ours_leads_nowhere(browse, source):
    answer = browse().client.post("/dashboard/roles/new", headers={"Referer": source})
    assert answer.status_code == 400
