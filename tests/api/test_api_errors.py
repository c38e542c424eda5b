"""Every kind of error is a problem document with the right status, and never HTML."""

from __future__ import annotations

import pytest
from house import body
from web_house import RETRY_AFTER, Caller, WebHouse, made_error, problem_of

from portal.domain import errors
from portal.domain.errors import AoliError, InvalidSpec, PriorityClash
from portal.http.problems import STATUS

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
CALLS = [
    ("GET", "/me"),
    ("GET", "/jobs"),
    ("POST", "/jobs"),
    ("POST", "/jobs/preview"),
    ("POST", "/jobs/actions"),
    ("GET", f"/jobs/{UNKNOWN_ID}"),
    ("PATCH", f"/jobs/{UNKNOWN_ID}"),
    ("POST", f"/jobs/{UNKNOWN_ID}/kill"),
    ("GET", f"/jobs/{UNKNOWN_ID}/events"),
    ("GET", f"/jobs/{UNKNOWN_ID}/logs"),
    ("GET", "/vcs"),
    ("GET", "/vcs/vision"),
    ("POST", "/vcs/vision/select"),
    ("GET", "/device-types"),
    ("GET", "/job-kinds"),
    ("GET", "/plugins"),
]


def test_every_error_has_a_status() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, AoliError) and kind is not AoliError
    ]
    assert [kind for kind in kinds if STATUS.keys().isdisjoint(kind.__mro__)] == []
    assert {kind.code for kind in kinds} == {kind.code for kind in STATUS}


@pytest.mark.parametrize(("kind", "status"), [*STATUS.items(), (PriorityClash, 409)])
def test_the_table(web_house: WebHouse, alice: Caller, kind: type[AoliError], status: int) -> None:
    def refuse() -> None:
        raise made_error(kind)

    web_house.app.view_functions["api.show_me"] = refuse
    answer = alice.get("/me")
    document = problem_of(answer, status)
    assert document["code"] == kind.code
    assert document.get("errors") == ({"a": ["Bad"]} if kind is InvalidSpec else None)
    assert answer.headers.get("Retry-After") == RETRY_AFTER.get(status)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_not_signed_in(web_house: WebHouse, method: str, path: str) -> None:
    answer = web_house.caller(None).send(method, path, json={})
    problem_of(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "", "sst_0123456789abcdef"])
def test_a_wrong_token(web_house: WebHouse, method: str, path: str, token: str) -> None:
    caller = web_house.caller(None)
    answer = caller.send(method, path, json={}, headers={"Authorization": f"Bearer {token}"})
    problem_of(answer, 401)


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/jobs/x/y/z", "/jobs/", "/../etc", "//jobs"]
)
def test_an_unknown_route(alice: Caller, path: str) -> None:
    problem_of(alice.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/jobs"), ("PUT", "/me"), ("GET", "/jobs/x/kill")]
)
def test_a_wrong_method(alice: Caller, method: str, path: str) -> None:
    answer = alice.send(method, path)
    problem_of(answer, 405)
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "job_id", [UNKNOWN_ID, "x", "%00", "a b", "ü", "x" * 300, "%2e%2e", "%2F", "%2F%2F"]
)
@pytest.mark.parametrize("call", ["", "/events", "/logs"])
def test_an_unknown_job(alice: Caller, job_id: str, call: str) -> None:
    problem_of(alice.get(f"/jobs/{job_id}{call}"), 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=²", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=e30=", "cursor"),
        ("cursor=eyJvZmZzZXQiOiAxZTk5OX0=&sort=name", "cursor"),
        ("cursor=eyJhdCI6ICIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgImlkIjogIiJ9", "cursor"),
        ("cursor=W10=", "cursor"),
        ("scope=everyone", "scope"),
        ("status=running,dancing", "status"),
        ("sort=colour", "sort"),
        ("sort=--name", "sort"),
        ("preemptible=perhaps", "preemptible"),
        ("since=yesterday", "since"),
        ("since=2026-11-02T12:00:00", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("q=%00", "q"),
        (f"vc={'x' * 300}", "vc"),
        ("stauts=running", "stauts"),
    ],
)
def test_a_wrong_parameter(alice: Caller, query: str, field: str) -> None:
    assert field in problem_of(alice.get(f"/jobs?{query}"), 422)["errors"]


def test_a_cursor_far_behind_the_end(alice: Caller) -> None:
    far = "eyJvZmZzZXQiOiA5OTk5OTk5OTk5OTk5OTk5OTk5OTk5fQ=="
    page = alice.get(f"/jobs?sort=name&cursor={far}").get_json()
    assert page == {"items": [], "next_cursor": None, "total": 0}


@pytest.mark.parametrize("path", ["/vcs", "/plugins", "/device-types", "/job-kinds"])
@pytest.mark.parametrize("query", ["limit=201", "cursor=-1", "cursor=x", "q=x"])
def test_a_wrong_parameter_of_a_short_list(alice: Caller, path: str, query: str) -> None:
    field = query.partition("=")[0]
    assert field in problem_of(alice.get(f"{path}?{query}"), 422)["errors"]


def test_a_failure_of_ours_is_a_document_too(
    web_house: WebHouse, alice: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    web_house.house.queue.enqueue = broken  # type: ignore[method-assign]
    answer = alice.post("/jobs", body())
    document = problem_of(answer, 500)
    assert "secret detail" not in answer.text
    assert document["detail"]


def test_browsers_get_no_html_either(alice: Caller) -> None:
    answer = alice.get("/nothing", headers={"Accept": "text/html"})
    problem_of(answer, 404)
