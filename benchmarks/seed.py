"""Fill a fresh SQLite database: 1,000,000 jobs, 10,000 users, 200 nodes, 20 virtual clusters.

``python -m benchmarks.seed FOLDER`` makes ``FOLDER/aoli.db`` for a portal with the data folder
``FOLDER``; the accounts are ``user-00000`` and so on, ``root`` administers, all with the
password ``correct horse battery``.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.seed_people import seed_people
from portal import wiring
from portal.application import make_tables
from portal.domain.resources import Node
from portal.models.db import session
from portal.people import first_accounts
from portal.services.records import inventory
from portal.settings import Settings
from portal.web.sign_in.manager import security_manager

PASSWORD = "correct horse battery"
GPU, NPU = "nvidia_gpu_amd64", "huawei_npu_arm64"
NODE_DEVICES = 8
VCS = 20
SPAN_DAYS = 365
QUEUED, PAUSED = 500, 100
ENDS = ("finished",) * 7 + ("failed", "killed", "error")
SPEC = json.dumps(
    {
        "interactive_ports": [],
        "endpoints": [],
        "mounts": {name: {"enabled": True, "sub_path": ""} for name in ("work", "data", "job")},
        "env": {},
        "extra": {},
    }
)
JOB = (
    *("id", "name", "user_id", "username", "vc", "kind", "device_type", "devices", "nodes"),
    *("preemptible", "priority", "image", "command", "spec", "state", "version", "attempt"),
    *("retries", "reason", "exit_code", "placement", "submitted_at"),
    *("waiting_since", "admitted_at", "launched_at", "started_at", "finished_at", "launch_tries"),
    *("stop_grace_s", "released"),
)
EVENT = ("job", "at", "from_state", "to_state", "actor")
ALLOCATION = (
    *("job", "attempt", "username", "vc", "device_type", "devices", "preemptible"),
    *("begun_ms", "ended_ms"),
)


@dataclass(frozen=True)
class Size:
    """How much to make."""

    jobs: int = 1_000_000
    users: int = 10_000
    nodes: int = 200


def settings_of(folder: Path) -> Settings:
    """Settings of a portal on the seeded database."""
    return Settings(
        data_dir=folder,
        secret_key="a key of benchmarks, long enough for HMAC",
        cluster_name="atlas",
        local_devices={GPU: 8},
    )


def seed(folder: Path, size: Size) -> float:
    """Make the database; return the seconds it took."""
    begun = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    settings = settings_of(folder)
    _accounts(settings)
    portal = wiring.connect(settings)
    wiring.upgrade(portal)
    with session():
        inventory.record_nodes("atlas", list(_nodes(size)), datetime.now(UTC))
    with sqlite3.connect(folder / "aoli.db") as database:
        database.execute("PRAGMA synchronous=off")
        _users(database, size)
        seed_people(database, random.Random(2))
        _virtual_clusters(database, size)
        _jobs(database, size, random.Random(1))
    return time.perf_counter() - begun


def _accounts(settings: Settings) -> None:
    app = make_tables(settings)
    first_accounts.seed_roles(app)
    with app.app_context():
        manager = security_manager()
        first_accounts.create_user(manager, "root", PASSWORD, roles=("System Admin",))
        first_accounts.create_user(manager, "user-00000", PASSWORD, roles=("User",))
        manager.session.remove()
        app.extensions["sqlalchemy"].engine.dispose()


def _users(database: sqlite3.Connection, size: Size) -> None:
    """Copies of the first user, whose password takes its time to hash."""
    database.row_factory = sqlite3.Row
    first = dict(database.execute("SELECT * FROM ab_user WHERE username='user-00000'").fetchone())
    role = database.execute(
        "SELECT role_id FROM ab_user_role WHERE user_id=?", (first["id"],)
    ).fetchone()[0]
    rows = []
    for number in range(1, size.users):
        name = f"user-{number:05}"
        rows.append({**first, "id": first["id"] + number, "username": name, "email": f"{name}@x"})
    names = list(first)
    places = ",".join(f":{name}" for name in names)
    database.executemany(f"INSERT INTO ab_user({','.join(names)}) VALUES({places})", rows)
    database.executemany(
        "INSERT INTO ab_user_role(user_id, role_id) VALUES(?,?)",
        [(row["id"], role) for row in rows],
    )


def _nodes(size: Size) -> Iterator[Node]:
    for number in range(size.nodes):
        kind = GPU if number % 2 else NPU
        yield Node(f"atlas{number:03}", f"10.20.{number // 250}.{number % 250}", kind, NODE_DEVICES)


def _virtual_clusters(database: sqlite3.Connection, size: Size) -> None:
    database.execute("DELETE FROM vc")
    quota = json.dumps(dict.fromkeys((GPU, NPU), size.nodes * NODE_DEVICES // 2 // VCS))
    database.executemany(
        "INSERT INTO vc(name, quota, user_limit, preempt_grace_s, version, created_at)"
        " VALUES(?,?,'{}',30,2,?)",
        [(f"team-{number:02}", quota, _stamp(datetime.now(UTC))) for number in range(VCS)],
    )


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


def _jobs(database: sqlite3.Connection, size: Size, rng: random.Random) -> None:
    jobs: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    held: list[tuple[Any, ...]] = []
    now = datetime.now(UTC)
    free = [(number, index) for number in range(size.nodes) for index in range(NODE_DEVICES)]
    for number in range(size.jobs):
        _job(number, size, now, rng, free, jobs, events, held)
        if len(jobs) >= 20_000 or number + 1 == size.jobs:
            for table, columns, rows in (
                ("job", JOB, jobs),
                ("job_event", EVENT, events),
                ("allocation", ALLOCATION, held),
            ):
                places = ",".join("?" * len(columns))
                database.executemany(
                    f"INSERT INTO {table}({','.join(columns)}) VALUES({places})", rows
                )
                rows.clear()


def _job(
    number: int,
    size: Size,
    now: datetime,
    rng: random.Random,
    free: list[tuple[int, int]],
    jobs: list[tuple[Any, ...]],
    events: list[tuple[Any, ...]],
    held: list[tuple[Any, ...]],
) -> None:
    """One job with its events and its hold; the last ones of all still live."""
    user = rng.randrange(size.users) if rng.random() < 0.9 else rng.randrange(20)
    vc, preemptible = f"team-{user % VCS:02}", rng.random() < 0.3
    age_s = SPAN_DAYS * 86400 * (1 - number / size.jobs)
    at = now - timedelta(seconds=age_s)
    begun = at + timedelta(seconds=rng.randrange(1, 600))
    ended: datetime | None = begun + timedelta(seconds=rng.randrange(30, 8 * 3600))
    left = size.jobs - number
    running = size.nodes * NODE_DEVICES
    state, placement, devices = rng.choice(ENDS), None, rng.choice((1, 1, 1, 2, 4, 8))
    kind = rng.choice((GPU, NPU))
    if left <= QUEUED:
        state = "queued"
    elif left <= QUEUED + PAUSED:
        state = "paused"
    elif left <= QUEUED + PAUSED + running and free:
        node, index = free.pop()
        state, devices, ended = "running", 1, None
        kind = GPU if node % 2 else NPU
        placement = json.dumps([{"node": f"atlas{node:03}", "devices": [index]}])
    waits = state == "queued"
    job_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    over = None if ended is None or state in ("queued", "paused") else min(ended, now)
    jobs.append(
        (
            *(job_id, f"train-{number % 977}", user + 2, f"user-{user:05}", vc, "regular"),
            *(kind, devices, 1, preemptible, 100, "pytorch/pytorch:2", "python train.py", SPEC),
            *(state, 4, 0 if waits else 1, 0),
            *(json.dumps({"code": "new", "message": "Waits."}) if waits else None,),
            *(0 if state == "finished" else None, placement),
            *(_stamp(at), _stamp(at)),
            *((None,) * 3 if waits else (_stamp(begun),) * 3),
            *(_stamp(over) if over else None, 0, 30, state != "running"),
        )
    )
    events.append((job_id, _stamp(at), None, "queued", f"user-{user:05}"))
    if waits:
        return
    events.append((job_id, _stamp(begun), "queued", "running", None))
    if over:
        events.append((job_id, _stamp(over), "running", state, None))
    end = over or (now if state == "paused" else None)
    held.append(
        (
            *(job_id, 1, f"user-{user:05}", vc, kind, devices, preemptible),
            round(begun.timestamp() * 1000),
            round(end.timestamp() * 1000) if end else None,
        )
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=Size.jobs)
    parser.add_argument("--users", type=int, default=Size.users)
    parser.add_argument("--nodes", type=int, default=Size.nodes)
    given = parser.parse_args()
    seconds = seed(given.folder, Size(given.jobs, given.users, given.nodes))
    print(f"{given.folder / 'aoli.db'}: {given.jobs:,} jobs in {seconds:.0f} s")


if __name__ == "__main__":
    main()
