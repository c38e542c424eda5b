"""A whole portal for a test: real database, real services, fakes behind the ports.

The cast: *alice* owns, *bob* shares her virtual cluster ``vision``, *carol* is outside,
*root* administers; *vera* may look at all jobs, *mona* manages them, *newcomer* has no role.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from servers import PostgresServer

from portal import wiring
from portal.domain.job import AttemptRef, Job
from portal.domain.permission import Actor, Permission
from portal.models import VcMemberRow, VcRow, db
from portal.models.db import session
from portal.services.jobs.listing import JobQuery
from portal.services.portal import Portal
from portal.services.records import job_store
from portal.settings import Settings
from portal.testing import FakeCluster, FakeEvents, FakeMailer, FakeQueue, a_node

BOTH_DATABASES = pytest.mark.parametrize("house", ["sqlite", "postgres"], indirect=True)
"""For tests whose ``house`` is to stand on each of the two databases."""
GPU, NPU = "nvidia_gpu_amd64", "huawei_npu_arm64"
PASSWORD = "correct horse battery"
TRAINER = ("submit_job", "view_vc")
CAST: dict[str, tuple[str, ...]] = {
    "alice": TRAINER,
    "bob": TRAINER,
    "carol": TRAINER,
    "vera": ("view_all_jobs",),
    "mona": ("manage_all_jobs",),
    "root": tuple(permission.value for permission in Permission),
    "newcomer": (),
}
IDS = {name: number for number, name in enumerate(CAST, start=1)}


def actor(name: str) -> Actor:
    """One of the cast, as the services know him."""
    return Actor(IDS[name], name, frozenset(CAST[name]))


@dataclass
class House:
    """See the module. Time stands still until :meth:`advance`."""

    settings: Settings
    cluster: FakeCluster
    queue: FakeQueue
    events: FakeEvents
    mailer: FakeMailer
    portal: Portal
    app: Any = None

    @property
    def now(self) -> datetime:
        """The time, of the portal and of its cluster."""
        return self.cluster.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.cluster.advance(seconds)

    def work(self) -> None:
        """What workers do: everything that waits, and what it leads to."""
        self.queue.drain()

    def look(self) -> None:
        """What the scheduler's full pass does, then what workers do."""
        with session():
            self.portal.passes.full_pass()
        self.work()

    def submit(self, owner: str = "alice", /, **fields: Any) -> str:
        """Submit a job; return its id. It waits for :meth:`work`."""
        with session():
            job = self.portal.jobs.submit(actor(owner), body(**fields))
        return str(job["id"])

    def run(self, owner: str = "alice", /, **fields: Any) -> str:
        """Submit a job and bring it to ``running``."""
        job_id = self.submit(owner, **fields)
        self.work()
        self.cluster.run(self.ref(job_id))
        self.look()
        return job_id

    def end(self, job_id: str, exit_code: int = 0) -> None:
        """The job's command ends."""
        self.cluster.finish(self.ref(job_id), exit_code=exit_code)
        self.look()

    def job(self, job_id: str) -> Job:
        """The job as it is in the database."""
        with session():
            job = job_store.fetch(job_id)
        assert job is not None
        return job

    def state(self, job_id: str) -> str:
        """The job's state."""
        return self.job(job_id).state.value

    def noted(self, job_id: str) -> str:
        """The code of the reason that lists show for a job that waits; empty without one."""
        with session():
            query = JobQuery(scope="all", statuses=("queued",), limit=200)
            listed = self.portal.jobs.page(actor("root"), query).items
        return next((row["reason"]["code"] for row in listed if row["id"] == job_id), "")

    def ref(self, job_id: str) -> AttemptRef:
        """The job's present attempt."""
        return self.job(job_id).ref

    def write_log(self, job_id: str, *lines: str, replica: str = "main", attempt: int = 1) -> None:
        """Append to the kept output, as a log keeper does."""
        path = self.portal.logs.path(AttemptRef(job_id, attempt), replica)
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = self.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        with path.open("a") as file:
            file.writelines(f"{stamp} {line}\n" for line in lines)


def body(**fields: Any) -> dict[str, Any]:
    """A submission that is right."""
    given = {"name": "train", "vc": "vision", "image": "python:3.11", "command": "echo hello"}
    return {**given, **fields}


def make_settings(folder: Path, database_url: str = "") -> Settings:
    """Settings of a portal below ``folder``."""
    return Settings(
        data_dir=folder / "data",
        database_url=database_url,
        secret_key="a key of tests long enough for HMAC",
        cluster_name="lab",
        smtp_sender="aoli@example.org",
        support_receivers=("ops@example.org",),
    )


def make_house(settings: Settings) -> House:
    """Wire the portal with fakes; the tables are there already."""
    nodes = (a_node("node-1"), a_node("node-2", device_type=NPU, ip="10.0.0.2"))
    cluster = FakeCluster(nodes, name=settings.cluster_name)
    queue, events = FakeQueue(), FakeEvents()
    mailer = FakeMailer()
    portal = wiring.connect(
        settings,
        cluster=cluster,
        queue=queue,
        events=events,
        mailer=mailer,
        clock=lambda: cluster.now,
    )
    queue.tasks = {
        "admit": in_session(portal.admitter.admit),
        "drive": in_session(portal.driver.drive),
        "send_mail": in_session(portal.outbox.send_due),
        "sweep": in_session(lambda job_id, number: portal.passes.sweep(job_id, int(number))),
    }
    return House(settings, cluster, queue, events, mailer, portal)


def in_session(task: Callable[..., object]) -> Callable[..., None]:
    """The task with a database session around it, as a worker runs it."""

    def run(*arguments: str) -> None:
        with session():
            task(*arguments)

    return run


def seed(house: House) -> None:
    """Make our tables, tell of the nodes, share the devices among two VCs."""
    wiring.upgrade(house.portal)
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
        VcRow.delete().execute()
        for name, quota in (("platform", {GPU: 4, NPU: 8}), ("vision", {GPU: 4})):
            VcRow.insert(
                name=name, quota=quota, user_limit={}, version=2, created_at=house.now
            ).execute()
        for member in ("alice", "bob", "vera", "mona"):
            VcMemberRow.insert(vc="vision", kind="user", name=member).execute()


def seed_accounts(settings: Settings) -> None:
    """Make Flask-AppBuilder's tables and the cast's accounts, each with a role of its own."""
    from portal.application import make_tables
    from portal.people import first_accounts
    from portal.people.grants import PERMISSION_VIEW, PREFIX
    from portal.web.sign_in.manager import security_manager

    app = make_tables(settings)
    first_accounts.seed_roles(app)
    with app.app_context():
        manager = security_manager()
        for name, codes in CAST.items():
            manager.add_role(f"role of {name}")
            role = manager.find_role(f"role of {name}")
            for code in codes:
                pair = manager.add_permission_view_menu(f"{PREFIX}{code}", PERMISSION_VIEW)
                manager.add_permission_role(role, pair)
            roles = (role.name,) if codes else ()
            user = first_accounts.create_user(manager, name, PASSWORD, roles=roles)
            assert user.id == IDS[name]
        manager.session.remove()
        app.extensions["sqlalchemy"].engine.dispose()


def build_database(folder: Path, *, accounts: bool) -> Path:
    """A database with everything in it, to be copied for each test."""
    settings = make_settings(folder)
    settings.data_dir.mkdir(parents=True)
    if accounts:
        seed_accounts(settings)
    seed(make_house(settings))
    with session():
        db.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return settings.data_dir / "aoli.db"


def open_house(folder: Path, database: Path) -> House:
    """A portal on a copy of ``database``."""
    settings = make_settings(folder)
    settings.data_dir.mkdir(parents=True)
    shutil.copyfile(database, settings.data_dir / "aoli.db")
    return make_house(settings)


def build_postgres(folder: Path, server: PostgresServer) -> str:
    """The same on PostgreSQL, without accounts: the name of a database to copy."""
    name = server.create()
    settings = make_settings(folder, server.url(name))
    settings.data_dir.mkdir(parents=True)
    seed(make_house(settings))
    close_database()
    return name


@contextmanager
def open_postgres_house(folder: Path, server: PostgresServer, template: str) -> Iterator[House]:
    """A portal on a copy of the PostgreSQL database ``template``."""
    name = server.create(template)
    settings = make_settings(folder, server.url(name))
    settings.data_dir.mkdir(parents=True)
    try:
        yield make_house(settings)
    finally:
        close_database()
        server.drop(name)


def close_database() -> None:
    """Close every connection, those of the pool too."""
    db.close()
    db.database.obj.close_all()
