"""What must be true once everything has had its turn, whatever was killed on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from crashes import regular_work
from house import GPU, House, actor

from portal.domain.job_state import TERMINAL, TRANSITIONS, JobState
from portal.models import (
    AllocationRow,
    AuditRow,
    JobEventRow,
    JobRow,
    JobSecretRow,
    MailRow,
    ReplicaRow,
    VcRow,
)
from portal.models.db import session

LASTING = TERMINAL | {JobState.QUEUED, JobState.PAUSED, JobState.RUNNING}
LEGAL = {(source.value, target.value) for (source, _), target in TRANSITIONS.items()}
ACTS = {"killing": "job.kill", "pausing": "job.pause", "queued": "job.resume"}


def check_settled(house: House) -> None:
    """Every rule of this module."""
    with session():
        rows: dict[str, Any] = {row.id: row for row in JobRow.select()}
        _nothing_stands_half_way(house, rows)
        _books_and_cluster_agree(house, rows)
        _histories_are_whole(rows)
        _whatever_was_done_to_others_is_noted(rows)
        _every_mail_was_sent()
    _every_vc_can_be_edited(house)


def _nothing_stands_half_way(house: House, rows: dict[str, Any]) -> None:
    vcs = {row.name for row in VcRow.select()}
    for row in rows.values():
        assert JobState(row.state) in LASTING, (row.state, row.name)
        assert row.released == (row.state != "running"), row.state
        assert row.vc in vcs
        if row.state == "queued":
            told = house.portal.jobs.get(actor("root"), row.id)
            assert told["reason"]["code"] != "new"
    kept = {row.job for row in JobSecretRow.select()}
    assert kept <= {i for i, row in rows.items() if JobState(row.state) not in TERMINAL}
    assert {row.job for row in ReplicaRow.select()} <= set(rows)


def _books_and_cluster_agree(house: House, rows: dict[str, Any]) -> None:
    running = {(i, row.attempt) for i, row in rows.items() if row.state == "running"}
    seen = {(ref.job_id, ref.attempt) for ref in house.cluster.observe_all()}
    assert seen == running
    lines = AllocationRow.select().where(AllocationRow.ended_ms.is_null())
    held = {(line.job, line.attempt) for line in lines}
    assert held == {(i, attempt) for i, attempt in running if rows[i].devices}


def _histories_are_whole(rows: dict[str, Any]) -> None:
    events: dict[str, list[Any]] = defaultdict(list)
    for event in JobEventRow.select().order_by(JobEventRow.id):
        events[event.job].append(event)
    assert set(events) == set(rows)
    for job_id, row in rows.items():
        story = events[job_id]
        assert story[0].from_state is None
        assert (story[-1].to_state, len(story)) == (row.state, row.version)
        assert all(a.to_state == b.from_state for a, b in pairwise(story))
        assert all((b.from_state, b.to_state) in LEGAL for b in story[1:])
        assert [e.to_state for e in story].count("scheduling") == row.attempt


def _whatever_was_done_to_others_is_noted(rows: dict[str, Any]) -> None:
    done: Counter[tuple[str, str]] = Counter(
        (event.job, ACTS[event.to_state])
        for event in JobEventRow.select().where(JobEventRow.actor == "root")
    )
    noted: Counter[tuple[str, str]] = Counter()
    priority: dict[str, int] = {}
    for entry in AuditRow.select().where(AuditRow.object_type == "job").order_by(AuditRow.id):
        if entry.object not in rows:
            continue
        if entry.action == "job.priority":
            priority[entry.object] = entry.after["priority"]
        else:
            noted[entry.object, entry.action] += 1
    assert noted == done
    assert {i: rows[i].priority for i in rows if rows[i].priority_edits} == priority


def _every_mail_was_sent() -> None:
    assert {row.state for row in MailRow.select()} <= {"sent"}


def _every_vc_can_be_edited(house: House) -> None:
    """Once what runs has been killed: nothing that nobody sees holds it."""
    with session():
        for row in JobRow.select().where(JobRow.state == "running"):
            house.portal.jobs.act(actor("root"), row.id, "kill")
        for row in JobRow.select().where(JobRow.state == "queued"):
            house.portal.jobs.act(actor("root"), row.id, "kill")
    for _ in range(3):
        house.advance(60)
        regular_work(house)
    with session():
        assert house.cluster.observe_all() == {}
        for row in VcRow.select():
            quota = {GPU: max(row.quota.get(GPU, 0) - 1, 0)}
            changed = house.portal.vc_editor.modify(actor("root"), row.name, {"quota": quota})
            assert changed.vc.quota[GPU] == quota[GPU]
