"""Lists of jobs over the API: filters, order, and pages that are complete and without repeats."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from house import GPU, IDS, House, actor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_house import Caller, WebHouse

from portal.domain.job_state import TERMINAL, JobState
from portal.models import JobRow
from portal.models.db import database, session
from portal.services.jobs.listing import SORTS, JobQuery, list_jobs
from portal.testing import NOON

NUMBERS = itertools.count()


def insert(**fields: Any) -> str:
    """A row as it might be; nothing runs."""
    number = next(NUMBERS)
    given: dict[str, Any] = {
        "id": f"{number:08x}-0000-4000-8000-000000000000",
        "name": "train",
        "user_id": IDS["alice"],
        "username": "alice",
        "vc": "vision",
        "kind": "regular",
        "image": "python:3.11",
        "command": "true",
        "spec": {},
        "state": "queued",
        "submitted_at": NOON,
        "waiting_since": NOON,
    }
    JobRow.insert(**{**given, **fields}).execute()
    return str({**given, **fields}["id"])


def all_pages(caller: Caller, query: str) -> list[list[str]]:
    """The ids of every page."""
    pages, cursor = [], ""
    while True:
        answer = caller.get(f"/jobs?{query}{cursor and f'&cursor={cursor}'}")
        assert answer.status_code == 200, answer.text
        page = answer.get_json()
        pages.append([job["id"] for job in page["items"]])
        cursor = page["next_cursor"] or ""
        if not cursor:
            return pages


def test_pages(web_house: WebHouse, alice: Caller) -> None:
    with session():
        ids = [insert(submitted_at=NOON + timedelta(seconds=n // 3)) for n in range(25)]
    pages = all_pages(alice, "limit=10")
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sorted(itertools.chain(*pages)) == sorted(ids)
    newest_first = [job_id for page in pages for job_id in page]
    assert newest_first[0] == ids[-1]
    assert alice.get("/jobs").get_json()["total"] == 25
    assert len(alice.get("/jobs").get_json()["items"]) == 20
    assert len(alice.get("/jobs?limit=200").get_json()["items"]) == 25


def test_new_jobs_do_not_disturb_the_next_page(alice: Caller) -> None:
    with session():
        ids = [insert(submitted_at=NOON + timedelta(seconds=n)) for n in range(4)]
    first = alice.get("/jobs?limit=2").get_json()
    with session():
        insert(submitted_at=NOON + timedelta(hours=1))
    second = alice.get(f"/jobs?limit=2&cursor={first['next_cursor']}").get_json()
    seen = [job["id"] for job in first["items"] + second["items"]]
    assert seen == ids[::-1]
    assert second["next_cursor"] is None


def test_filters(alice: Caller, web_house: WebHouse) -> None:
    with session():
        plain = insert(name="plain")
        gpu = insert(name="net_50%", device_type=GPU, devices=2, state="running")
        other = insert(name="other", vc="platform", kind="distributed", preemptible=True)
        old = insert(name="old", submitted_at=NOON - timedelta(days=2), state="finished")
        insert(name="hers", user_id=IDS["bob"], username="bob")

    def found(query: str, caller: Caller = alice) -> set[str]:
        return {job["id"] for job in caller.get(f"/jobs?{query}").get_json()["items"]}

    assert found("") == {plain, gpu, other, old}
    assert found("status=running") == {gpu}
    assert found("status=running,finished") == {gpu, old}
    assert found("status=running&status=finished") == {gpu, old}
    assert found("vc=platform") == {other}
    assert found("kind=distributed") == {other}
    assert found("preemptible=true") == {other}
    assert found("preemptible=0") == {plain, gpu, old}
    assert found(f"device_type={GPU}") == {gpu}
    assert found("q=50%25") == {gpu}
    assert found("q=t_5") == {gpu}
    assert found("q=_") == {gpu}
    assert found("q=PLAIN") == {plain}
    assert found(f"q={old[:8]}") == {old}
    assert found("q=%27%20OR%201=1") == set()
    assert found("user=bob") == set()
    assert found("since=2026-11-02T00:00:00Z") == {plain, gpu, other}
    assert found("since=2026-11-02T13:00:00%2B01:00") == {plain, gpu, other}
    assert found("since=2026-11-02T13:00:01+01:00") == set()
    root = web_house.caller("root")
    everyone = root.get("/jobs?scope=all").get_json()
    assert {job["name"] for job in everyone["items"]} == {"plain", "net_50%", "other", "hers"}
    assert {job["user"] for job in root.get("/jobs?scope=all&user=bob").get_json()["items"]} == {
        "bob"
    }
    assert old in found("scope=all&status=finished", root)


@pytest.mark.parametrize("key", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_order(alice: Caller, key: str, descending: bool) -> None:
    with session():
        for number in (3, 1, 2):
            at = NOON + timedelta(minutes=number)
            insert(
                name=f"n{number}",
                devices=number,
                priority=number,
                submitted_at=at,
                started_at=at,
                finished_at=at,
            )
    jobs = alice.get(f"/jobs?sort={'-' if descending else ''}{key}").get_json()["items"]
    names = [job["name"] for job in jobs]
    if key not in ("status", "user"):
        assert names == sorted(names, reverse=descending)


MOMENTS = st.integers(0, 3).map(lambda n: NOON + timedelta(microseconds=n))
ROWS = st.lists(
    st.tuples(MOMENTS, st.sampled_from(list(JobState)), st.integers(0, 2), st.booleans()),
    max_size=25,
)


@given(
    rows=ROWS,
    limit=st.integers(1, 7),
    sort=st.sampled_from([key for name in SORTS for key in (name, f"-{name}")]),
    everyone=st.booleans(),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_job_is_on_exactly_one_page(
    house: House, rows: list[Any], limit: int, sort: str, everyone: bool
) -> None:
    with session(), database.atomic() as transaction:
        ids = set()
        for at, state, devices, mine in rows:
            owner = "root" if mine else "alice"
            job_id = insert(
                submitted_at=at,
                state=state.value,
                devices=devices,
                started_at=at if devices else None,
                user_id=IDS[owner],
                username=owner,
            )
            if (everyone and state not in TERMINAL) or (mine and not everyone):
                ids.add(job_id)
        seen: list[str] = []
        query = JobQuery(scope="all" if everyone else "mine", sort=sort, limit=limit)
        cursor: str | None = None
        for _ in range(len(rows) + 1):
            page = list_jobs(actor("root"), replace_cursor(query, cursor))
            assert page.total == len(ids)
            assert len(page.items) <= limit
            seen += [job["id"] for job in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert cursor is None
        assert len(seen) == len(set(seen))
        assert set(seen) == ids
        transaction.rollback()


def replace_cursor(query: JobQuery, cursor: str | None) -> JobQuery:
    """The query for the page behind ``cursor``."""
    from dataclasses import replace

    return replace(query, cursor=cursor)


def test_the_short_lists_have_pages_too(alice: Caller) -> None:
    first = alice.get("/plugins?limit=1").get_json()
    second = alice.get(f"/plugins?limit=200&cursor={first['next_cursor']}").get_json()
    whole = alice.get("/plugins").get_json()
    assert first["items"] + second["items"] == whole["items"]
    assert first["total"] == second["total"] == len(whole["items"])
    assert whole["next_cursor"] is None


def test_what_is_installed(alice: Caller) -> None:
    kinds = {kind["name"]: kind for kind in alice.get("/job-kinds").get_json()["items"]}
    assert kinds["regular"]["status"] == "ok"
    assert kinds["regular"]["distribution"] == "aoli"
    assert kinds["regular"]["reason"] is None
    assert kinds["distributed"]["multi_node"] is True
    types = {kind["name"]: kind for kind in alice.get("/device-types").get_json()["items"]}
    assert types["huawei_npu_arm64"]["legal_counts"] == [0, 1, 2, 4, 8]
    assert types[GPU]["devices_per_node"] == 8


def test_submitted_between_two_times(web_house: WebHouse, alice: Caller) -> None:
    with session():
        ids = [insert(submitted_at=NOON + timedelta(minutes=n)) for n in range(4)]
    after, before = (NOON + timedelta(minutes=n) for n in (1, 3))
    query = f"submitted_after={stamp(after)}&submitted_before={stamp(before)}&sort=submitted"
    assert all_pages(alice, query) == [ids[1:3]]
    assert all_pages(alice, f"since={stamp(before)}") == [ids[3:]]
    answer = alice.get("/jobs/csv", query_string=query)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert [line[:36] for line in answer.text.splitlines()[1:]] == ids[2:0:-1]
    assert alice.get("/jobs?submitted_before=tomorrow").status_code == 422
    assert alice.get("/jobs/csv?scope=all").status_code == 403


def stamp(at: datetime) -> str:
    """RFC 3339, as an address takes it."""
    return at.isoformat().replace("+00:00", "Z")
