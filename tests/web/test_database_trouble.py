"""A database that cannot be written to, or is away: 503 that says so, and back to work after it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from house import body
from web_house import WebHouse, problem_of

from portal.models import db
from portal.models.db import session
from portal.services.operation import health

NOBODY = 65534


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """This process may read what is below ``folder``, and change nothing."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for parent in folder.parents:
        if os.getuid() == 0 and not parent.stat().st_mode & 0o001:
            modes[parent] = parent.stat().st_mode
            parent.chmod(modes[parent] | 0o111)
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.getuid() == 0:  # modes do not bind root
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)


@contextmanager
def full(web_house: WebHouse) -> Iterator[None]:
    """No connection of either kind can make the file grow."""
    limit = "max_page_count=1"
    database: Any = db.database.obj
    kept, database._pragmas = database._pragmas, [*database._pragmas, tuple(limit.split("="))]
    with web_house.app.app_context():
        engine = web_house.app.extensions["sqlalchemy"].engine

    def shrink(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA {limit}")

    engine.dispose()
    sqlalchemy.event.listen(engine, "connect", shrink)
    try:
        yield
    finally:
        database._pragmas = kept
        sqlalchemy.event.remove(engine, "connect", shrink)
        engine.dispose()
        db.close()


@contextmanager
def moved(web_house: WebHouse) -> Iterator[None]:
    """A folder lies where the file was."""
    path = web_house.house.settings.data_dir / "aoli.db"
    with web_house.app.app_context():
        web_house.app.extensions["sqlalchemy"].engine.dispose()
    elsewhere = path.rename(path.with_name("elsewhere"))
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        elsewhere.rename(path)


TROUBLES: dict[str, tuple[Callable[[WebHouse], Any], str]] = {
    "read-only": (
        lambda web_house: read_only(web_house.house.settings.data_dir),
        "the database can only be read now",
    ),
    "full": (full, "the database's disk is full"),
    "away": (moved, "the database does not answer"),
}
FORM = {"name": "x", "kind": "regular", "image": "python:3.11", "devices": "0"}
BIG = {"command": "echo " + "x" * 60_000}
"""Needs new pages of the file."""


@pytest.mark.parametrize("trouble", TROUBLES)
def test_programs_hear_503_and_it_is_over_when_it_is_over(
    web_house: WebHouse, trouble: str
) -> None:
    alice = web_house.caller("alice")
    assert alice.get("/jobs").status_code == 200
    make, words = TROUBLES[trouble]
    with make(web_house):
        for _ in range(3):
            refused = alice.post("/jobs", body(**BIG))
            document = problem_of(refused, 503)
            assert document["code"] == "unavailable"
            assert document["detail"].startswith(words)
            assert refused.headers["Retry-After"] == "5"
    for _ in range(3):
        answer = alice.post("/jobs", body(**BIG))
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("trouble", TROUBLES)
def test_people_get_a_page_that_says_it(
    web_house: WebHouse, browse: Callable[..., Any], trouble: str
) -> None:
    alice = browse("alice")
    form = {**FORM, **BIG, "csrf_token": alice.csrf()}
    make, _ = TROUBLES[trouble]
    with make(web_house):
        answer = alice.client.post("/submit/", data=form)
        assert answer.status_code == 503
        assert answer.mimetype == "text/html"
        assert "The portal cannot do this now" in answer.text
        assert "database does not answer or cannot be written to" in answer.text
        assert "Running jobs go on." in answer.text
    assert alice.client.post("/submit/", data=form).status_code == 303


@pytest.mark.parametrize("trouble", ["read-only", "away"])
def test_the_probe_writes(
    web_house: WebHouse, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH_S", 0.0)
    client = web_house.app.test_client()
    assert client.get("/readyz").status_code == 200
    make, _ = TROUBLES[trouble]
    with make(web_house):
        assert problem_of(client.get("/readyz"), 503)["failing"] == ["database"]
        assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    with session():
        (at,) = db.database.execute_sql("SELECT COUNT(*) FROM probe").fetchone()
    assert at == 1


def test_changes_of_accounts_work_again(web_house: WebHouse) -> None:
    """SQLAlchemy keeps its connections: one that was opened read-only must not stay.

    Another process has the file open, so there is shared memory, and reading works.
    """
    alice = web_house.caller("alice")
    data_dir = web_house.house.settings.data_dir
    with closing(sqlite3.connect(data_dir / "aoli.db")) as other:
        other.execute("SELECT COUNT(*) FROM ab_user").fetchone()
        web_house.close()  # what was opened before could still write
        with read_only(data_dir):
            assert alice.get("/me").status_code == 200
            for _ in range(3):
                problem_of(alice.post("/me/api-keys", {"name": "night"}), 503)
        assert alice.post("/me/api-keys", {"name": "night"}).status_code == 201
