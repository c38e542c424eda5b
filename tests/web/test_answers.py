"""Headers of every answer, and the pages for what goes wrong."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from web_house import RETRY_AFTER, made_error, problem_of

from portal.domain.errors import PriorityClash
from portal.http.problems import STATUS

PAGES = ["/", "/submit/", "/jobs/", "/login/", "/nothing"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_may_run_only_what_the_server_named(at_alices, path):
    answer = at_alices.get(path, follow_redirects=True)
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'self' 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for script in re.findall(r"<script\b[^>]*>", answer.text):
        assert f'nonce="{nonce.group(1)}"' in script
    assert not re.search(r"<[^>]+\son\w+=", answer.text), "a handler in the markup"
    assert not re.search(r"<[^>]+\sstyle=", answer.text), "a style in the markup"


@pytest.mark.parametrize(("kind", "status"), [*STATUS.items(), (PriorityClash, 409)])
def test_an_error_is_the_same_for_pages_and_programs(web_house, at_alices, kind, status):
    def refuse():
        raise made_error(kind)

    web_house.app.view_functions["account.index"] = refuse
    fragment, page = at_alices.fragment("/account/"), at_alices.get("/account/")
    assert problem_of(fragment, status)["code"] == kind.code
    assert (page.status_code, page.mimetype) == (status, "text/html")
    for answer in (fragment, page):
        assert answer.headers.get("Retry-After") == RETRY_AFTER.get(status)


def test_the_nonce_is_new_each_time(at_alices):
    first, second = (at_alices.get("/").headers["Content-Security-Policy"] for _ in range(2))
    assert first != second


def test_pages_are_not_kept_and_not_sniffed(at_alices):
    headers = at_alices.get("/").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert re.fullmatch(r"[0-9a-f]{4}-[0-9a-f]{4}", headers["X-Request-Id"])


def test_a_page_that_is_not_there(at_alices, web_house):
    answer = at_alices.get("/nothing")
    assert answer.status_code == 404
    assert "This page does not exist" in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    problem_of(web_house.caller("alice").get("/nothing"), 404)


def test_a_missing_slash_is_added(at_alices):
    answer = at_alices.get("/jobs")
    assert (answer.status_code, answer.headers["Location"]) == (308, "http://localhost/jobs/")


def test_a_form_without_its_token_says_so(at_alices):
    answer = at_alices.client.post("/jobs/actions", data={})
    assert answer.status_code == 400
    assert "The form is out of date" in answer.text


def test_a_failure_names_the_request_and_no_secret(at_alices, web_house, caplog):
    def broken() -> str:
        raise RuntimeError("password=hunter2")

    app: Flask = web_house.app
    app._got_first_request = False
    app.add_url_rule("/broken", "broken", broken)
    answer = at_alices.get("/broken")
    assert answer.status_code == 500
    assert "This page could not be loaded" in answer.text
    assert "RuntimeError" in answer.text
    assert "hunter2" not in answer.text
    assert answer.headers["X-Request-Id"] in caplog.text
    problem_of(at_alices.fragment("/broken"), 500)


def test_a_script_is_told_in_words_of_its_reader(at_alices, web_house):
    at_alices.client.set_cookie("language", "zh")
    answer = at_alices.fragment("/jobs/00000000-0000-0000-0000-000000000000/head")
    assert problem_of(answer, 404)["detail"] == "它不存在，或您无权查看。"


def test_the_page_of_components_is_for_development_only(at_alices, web_house):
    assert at_alices.get("/_components").status_code == 404
    from portal.application import create_app

    app = create_app(web_house.house.settings, portal=web_house.house.portal, development=True)
    assert app.test_client().get("/_components").status_code == 200
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()
