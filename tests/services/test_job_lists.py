"""Lists of jobs beneath pages and API: groups, and tables that are made as they are read."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from house import BOTH_DATABASES, House, actor

from portal.domain.errors import Forbidden
from portal.models import JobRow
from portal.models.db import database, session
from portal.services.jobs import export as job_export
from portal.services.jobs.listing import (
    ACTIVE,
    BATCH,
    COUNT_CAP,
    GROUPS,
    JobQuery,
    counts,
    list_jobs,
)
from portal.services.records import csv_table
from portal.testing import NOON

EVERYONE = JobQuery(scope="all", vc="vision")


def row(number: int, **fields: object) -> dict[str, object]:
    """A row as it might be; nothing runs."""
    at = NOON + timedelta(seconds=number // 3)
    given: dict[str, object] = {
        "id": f"{number:08x}-0000-4000-8000-000000000000",
        "name": f"train-{number}",
        "user_id": 1,
        "username": "alice",
        "vc": "vision",
        "kind": "regular",
        "image": "img",
        "command": "true",
        "spec": {},
        "state": "queued",
        "submitted_at": at,
        "waiting_since": at,
    }
    return {**given, **fields}


def insert(rows: list[dict[str, object]]) -> None:
    with session(), database.atomic():
        for begin in range(0, len(rows), 500):
            JobRow.insert_many(rows[begin : begin + 500]).execute()


def table(blocks: list[str]) -> list[dict[str, str]]:
    text = "".join(blocks)
    assert text.startswith(csv_table.MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(csv_table.MARK))))


def test_every_active_state_is_in_one_group() -> None:
    assert sorted(state for states in GROUPS.values() for state in states) == sorted(ACTIVE)


@BOTH_DATABASES
def test_groups_follow_each_other_over_pages_and_each_is_sorted(house: House) -> None:
    states = ("paused", "queued", "running", "scheduling", "killing", "pausing", "preempting")
    insert([row(n, state=states[n % 7], priority=n) for n in range(40)])
    query = replace(EVERYONE, grouped=True, sort="-priority", limit=7)
    found, cursor = [], None
    with session():
        while True:
            page = list_jobs(actor("vera"), replace(query, cursor=cursor))
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
    groups = list(GROUPS)
    ranks = [
        (
            next(i for i, name in enumerate(groups) if job["status"] in GROUPS[name]),
            -job["priority"],
        )
        for job in found
    ]
    assert len(found) == 40
    assert ranks == sorted(ranks)


@BOTH_DATABASES
def test_the_table_holds_every_job_once_in_batches(house: House) -> None:
    count = BATCH * 2 + 5
    insert([row(n) for n in range(count)])
    blocks = list(job_export.csv_blocks(actor("vera"), EVERYONE))
    assert len(blocks) == 1 + 3
    ids = [line["Id"] for line in table(blocks)]
    assert len(set(ids)) == len(ids) == count
    assert ids[0].startswith(f"{(count - 1) // 3 * 3:08x}")


def test_the_table_is_refused_before_its_first_block(house: House) -> None:
    with session(), pytest.raises(Forbidden):
        job_export.csv_blocks(actor("alice"), EVERYONE)


def test_the_table_does_not_name_jobs_that_may_not_be_seen(house: House) -> None:
    other = row(1, user_id=2, username="bob", name="secret-plan")
    reason = {"code": "held_back", "for_job": "secret-plan", "for_job_id": other["id"]}
    insert([other, row(2, reason={**reason, "message": "Waits."})])
    mine = replace(EVERYONE, scope="mine")
    text = "".join(job_export.csv_blocks(actor("alice"), mine))
    assert "train-2" in text
    assert "secret-plan" not in text


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "-"]
)
def test_no_cell_is_a_formula(cell: str) -> None:
    (shown,) = next(csv.reader(io.StringIO(csv_table.line([cell]), newline="")))
    assert shown == ("-" if cell == "-" else f"'{cell}")


def test_numbers_stay_numbers_and_nothing_is_empty() -> None:
    assert csv_table.line([-5, None, "a,b"]) == '-5,,"a,b"\r\n'


def ended(number: int) -> list[dict[str, object]]:
    """Ended jobs, a second apart, whose names count down."""
    states = ("finished", "failed", "killed")
    return [
        row(
            n,
            name=f"job-{number - n:05}",
            state=states[n % 3],
            submitted_at=NOON + timedelta(seconds=n),
        )
        for n in range(number)
    ]


@pytest.mark.parametrize(
    "query",
    [
        JobQuery(),
        JobQuery(q="job-0001"),
        JobQuery(statuses=("finished", "queued")),
        EVERYONE,
        replace(EVERYONE, statuses=("queued",)),
        replace(EVERYONE, statuses=("finished",)),
        replace(EVERYONE, statuses=("finished", "queued")),
    ],
    ids=repr,
)
def test_what_was_counted_by_state_is_the_lists_total(house: House, query: JobQuery) -> None:
    insert(ended(30) + [row(n, state="queued", name=f"queued-{n}") for n in range(100, 112)])
    who, query = actor("alice" if query.scope == "mine" else "root"), replace(query, limit=100)
    with session():
        alone = list_jobs(who, query)
        assert list_jobs(who, query, counts(who, query)) == alone
    assert alone.total == len(alone.items) > 0


@BOTH_DATABASES
def test_a_list_too_long_to_be_counted(house: House) -> None:
    """States are asked one by one then; the pages must fit together all the same."""
    rows = ended(COUNT_CAP + 300)
    insert(rows)
    newest = [str(one["id"]) for one in reversed(rows)]
    query = JobQuery(scope="all", statuses=("finished", "failed", "killed"), limit=150)

    def listed(who: str = "vera", **changes: object) -> tuple[list[str], str | None]:
        with session():
            page = list_jobs(actor(who), replace(query, **changes))
        assert page.total is None
        return [job["id"] for job in page.items], page.next_cursor

    seen, cursor = listed()
    while cursor and len(seen) < 1000:
        more, cursor = listed(cursor=cursor)
        seen += more
    assert seen == newest[: len(seen)]
    assert listed(offset=400)[0] == newest[400:550]
    assert listed(sort="submitted")[0] == newest[::-1][:150]
    # Another order is that of the newest ones: by name the oldest of all would be the last.
    mine = listed("alice", scope="mine", statuses=(), sort="-name")[0]
    assert mine == newest[:COUNT_CAP][::-1][:150]
