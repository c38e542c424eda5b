"""What a long queue costs: one job that ends in it, a preview, a page of a list.

``python -m benchmarks waiting``: 1,000 nodes, nine of ten devices held, 100,000 jobs wait.
Processor time is that of this process, with SQLite in it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import planner
from benchmarks.seed import SPEC
from benchmarks.table import Row
from portal import wiring
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase, ReplicaStatus
from portal.domain.permission import Actor, Permission
from portal.domain.resources import dump_placement
from portal.models import ClusterRow, JobRow, VcRow, db
from portal.models.db import session
from portal.services.jobs.listing import JobQuery
from portal.services.portal import Portal
from portal.services.records import inventory
from portal.settings import Settings
from portal.testing import FakeCluster, FakeEvents, FakeQueue

NODES, WAITING = 1_000, 100_000
ROUNDS = 7
ROOT = Actor(1, "root", frozenset(permission.value for permission in Permission))
WISH = {"name": "new", "vc": "vc-3", "image": "python:3.11", "command": "python train.py"}


@dataclass
class Cost:
    """Of one call: processor time in ms, statements that wrote rows."""

    cpu_ms: float
    writes: int


def measure(folder: Path) -> list[Row]:
    """The rows of this part."""
    portal = build(folder, NODES, WAITING)
    with session():
        _settle(portal)
        ends = [cost_of(lambda: _one_ends(portal)) for _ in range(ROUNDS)]
        fresh, same, typed = [], [], []
        for number in range(ROUNDS):
            _one_ends(portal)
            wish = {**WISH, "device_type": planner.KIND, "devices": 4}
            portal.jobs._outlooks._picture = None
            fresh.append(cost_of(lambda wish=wish: portal.jobs.preview(ROOT, wish)))
            same.append(
                cost_of(lambda wish=wish: portal.jobs.preview(ROOT, {**wish, "name": "other"}))
            )
            wish = {**wish, "priority": 101 + number}
            typed.append(cost_of(lambda wish=wish: portal.jobs.preview(ROOT, wish)))
        lists = [
            cost_of(lambda query=query: portal.jobs.page(ROOT, query))
            for query in (
                JobQuery(scope="all", statuses=("queued",)),
                JobQuery(scope="all", statuses=("queued",), vc="vc-3"),
                JobQuery(scope="all", statuses=("queued",), sort="-priority", limit=200),
            )
        ]
    db.close()
    return [
        Row("one job ends: rows written", f"{max(cost.writes for cost in ends)}", "≤ 50"),
        Row("one job ends: processor time", _spread(ends), "≤ 200 ms"),
        Row("preview, the first after a change", _spread(fresh)),
        Row("preview, something else typed", _spread(typed), "≤ 50 ms"),
        Row("preview, the same devices again", _spread(same), "≤ 50 ms"),
        *(
            Row(f"list of waiting jobs, {what}", _spread([cost]))
            for what, cost in zip(("newest", "one VC", "200 by priority"), lists, strict=True)
        ),
    ]


def cost_of(call: Callable[[], Any]) -> Cost:
    """Do it, and count."""
    handle: Any = db.database.obj
    execute, writes = handle.execute_sql, 0

    def run(sql: str, params: Any = None) -> Any:
        nonlocal writes
        found = execute(sql, params)
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            writes += max(found.rowcount, 0)
        return found

    handle.execute_sql = run
    begun = time.process_time()
    try:
        call()
        return Cost((time.process_time() - begun) * 1000, writes)
    finally:
        del handle.execute_sql


def _spread(costs: list[Cost]) -> str:
    times = [cost.cpu_ms for cost in costs]
    return f"{statistics.median(times):,.0f} ms, worst {max(times):,.0f} ms"


def _one_ends(portal: Portal) -> None:
    """A running job's replicas are gone; whoever gets its devices is admitted."""
    job_id, attempt = (
        JobRow.select(JobRow.id, JobRow.attempt)
        .where(JobRow.state == "running", JobRow.preemptible.in_([False]))
        .order_by(JobRow.id)
        .tuples()
        .first()
    )
    ref = AttemptRef(job_id, attempt)
    done = ReplicaStatus("main", ReplicaPhase.SUCCEEDED, exit_code=0, finished_at=portal.clock())
    portal.driver.observed(Observed(ref, (done,)))
    portal.driver.drive(job_id)
    portal.admitter.admit()


def _settle(portal: Portal) -> None:
    """Passes and stops until nobody can start any more."""
    while True:
        done = portal.admitter.admit()
        if not done.admitted and not done.preempted:
            return
        stopping: Any = JobRow.select(JobRow.id).where(JobRow.state == "preempting").tuples()
        for (job_id,) in list(stopping):
            portal.driver.drive(job_id)


def build(folder: Path, nodes: int, waiting: int) -> Portal:
    """A portal whose database holds the planner's busy cluster."""
    settings = Settings(data_dir=folder, secret_key="a key of benchmarks, long enough for HMAC")
    folder.mkdir(parents=True, exist_ok=True)
    portal = wiring.connect(
        settings, cluster=FakeCluster((), name="lab"), queue=FakeQueue(), events=FakeEvents()
    )
    wiring.upgrade(portal)
    scene, now = planner.cluster("busy", nodes, waiting), datetime.now(UTC)
    with session():
        inventory.record_nodes("lab", scene.nodes, now)
        ClusterRow.update(reachable=True, since=now).execute()
        VcRow.delete().execute()
        for vc in scene.vcs.values():
            VcRow.insert(
                name=vc.name, quota=dict(vc.quota), user_limit={}, version=2, created_at=now
            ).execute()
        rows = [_held(one) for one in scene.holding] + [_waits(one) for one in scene.waiting]
        with db.database.atomic():
            for begin in range(0, len(rows), 500):
                JobRow.insert_many(rows[begin : begin + 500]).execute()
    return portal


def _row(one: Any, **columns: Any) -> dict[str, Any]:
    return {
        "id": one.job_id,
        "name": one.name,
        "user_id": 2,
        "username": one.user,
        "vc": one.vc,
        "kind": "regular",
        "device_type": one.device_type,
        "preemptible": one.preemptible,
        "priority": one.priority,
        "image": "python:3.11",
        "command": "python train.py",
        "spec": json.loads(SPEC),
        **columns,
    }


def _held(one: Any) -> dict[str, Any]:
    at = one.admitted_at
    return _row(
        one,
        state="running",
        version=3,
        attempt=1,
        devices=one.total_devices,
        nodes=1,
        placement=dump_placement(one.placement),
        submitted_at=at,
        waiting_since=at,
        not_before=None,
        admitted_at=at,
        launched_at=at,
        started_at=at,
        reason=None,
        released=False,
    )


def _waits(one: Any) -> dict[str, Any]:
    return _row(
        one,
        state="queued",
        version=1,
        attempt=0,
        devices=one.devices,
        nodes=one.replicas,
        placement=None,
        submitted_at=one.submitted_at,
        waiting_since=one.waiting_since,
        not_before=None,
        admitted_at=None,
        launched_at=None,
        started_at=None,
        reason={"code": "new", "message": "Waiting for the next scheduling pass."},
        released=True,
    )
