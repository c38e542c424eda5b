"""A database that is away, frozen, full or read-only is a temporary failure, soon and for all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import peewee
import psycopg2
import pytest
import sqlalchemy
from house import close_database
from servers import PostgresServer, postgres_server

from portal.domain.errors import TemporaryFailure
from portal.models import db, failures, postgres
from portal.models.db import session
from portal.people import engine


@pytest.fixture
def bound(postgres: PostgresServer) -> Iterator[Callable[[int], str]]:
    """``bound(2)``: peewee on a new PostgreSQL database with two connections; its address."""
    name = postgres.create()

    def bind(connections: int) -> str:
        db.bind(postgres.url(name), connections)
        return postgres.url(name)

    yield bind
    close_database()
    postgres.drop(name)


def execute(*statements: str) -> None:
    with session():
        for statement in statements:
            db.database.execute_sql(statement)


def ask() -> Any:
    with session():
        return db.database.execute_sql("SELECT 1").fetchone()


def test_who_finds_no_free_connection_hears_it(
    bound: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "POOL_WAIT_S", 0.2)
    bound(1)
    with session(), ThreadPoolExecutor(1) as other:
        db.database.execute_sql("SELECT 1")
        with pytest.raises(TemporaryFailure, match="all connections to the database are in use"):
            other.submit(ask).result()
    assert ask() == (1,)


def test_a_connection_that_is_given_back_in_time_is_taken(bound: Callable[[int], str]) -> None:
    bound(1)
    with ThreadPoolExecutor(1) as other:
        with session():
            db.database.execute_sql("SELECT 1")
            waiting = other.submit(ask)
            db.let_go()
            assert waiting.result(20) == (1,)
        assert ask() == (1,)


def test_sqlalchemys_pool_says_it_too(
    bound: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "POOL_WAIT_S", 0.2)
    url = engine.sqlalchemy_url(bound(1))
    made = sqlalchemy.create_engine(url, **engine.engine_options(url, 1))
    engine.prepare(made)
    with made.connect(), pytest.raises(sqlalchemy.exc.TimeoutError) as none_free:
        made.connect()
    assert engine.trouble(none_free.value) == failures.BUSY
    made.dispose()


def test_a_statement_has_an_end(bound: Callable[[int], str]) -> None:
    bound(1)
    with session():
        (limit,) = db.database.execute_sql("SHOW statement_timeout").fetchone()
    assert limit == f"{postgres.STATEMENT_S}s"
    with pytest.raises(TemporaryFailure, match="statement timeout"):
        execute("SET statement_timeout = 50", "SELECT pg_sleep(60)")
    assert ask() == (1,)


def test_a_schema_step_has_none(bound: Callable[[int], str]) -> None:
    url = bound(1)
    with db.alone(url), session():
        (limit,) = db.database.execute_sql("SHOW statement_timeout").fetchone()
    assert limit == "0"


def test_a_broken_connection_is_thrown_away(
    bound: Callable[[int], str], postgres: PostgresServer
) -> None:
    name = bound(2).rpartition("/")[2]
    with session():
        db.database.execute_sql("SELECT 1")
        postgres.disconnect(name)
        with pytest.raises(TemporaryFailure, match="does not answer"), db.failing_softly():
            db.database.execute_sql("SELECT 1")
    assert ask() == (1,)


def test_a_database_that_may_only_be_read(bound: Callable[[int], str]) -> None:
    bound(1)
    with pytest.raises(TemporaryFailure, match="can only be read"):
        execute("SET default_transaction_read_only = on", "CREATE TABLE x (i int)")
    assert ask() == (1,)


def test_a_frozen_server_hangs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernel takes connections and bytes, and nothing ever answers."""
    for name, value in {"CONNECT_S": 0.5, "SILENT_S": 1.0, "PAUSE_S": 60.0}.items():
        monkeypatch.setattr(postgres, name, value)
    with postgres_server() as server:
        url = server.url(server.create())
        db.bind(url, 8)
        made = sqlalchemy.create_engine(engine.sqlalchemy_url(url), **engine.engine_options(url, 8))
        engine.prepare(made)
        arrived, frozen = threading.Barrier(3), threading.Event()

        def hold(again: Callable[[], Any]) -> Any:
            arrived.wait(20)
            frozen.wait(20)
            return again()

        def in_a_session() -> Any:
            with session():
                db.database.execute_sql("SELECT 1")
                return hold(lambda: db.database.execute_sql("SELECT 1"))

        def by_sqlalchemy() -> Any:
            with made.connect() as connection:
                query = sqlalchemy.text("SELECT 1")
                connection.execute(query)
                return hold(lambda: connection.execute(query))

        ask()
        with ThreadPoolExecutor(10) as threads:
            begun = [threads.submit(in_a_session), threads.submit(by_sqlalchemy)]
            arrived.wait(20)
            with server.frozen():
                frozen.set()
                late = [threads.submit(ask) for _ in range(8)]
                with pytest.raises(TemporaryFailure, match="does not answer"):
                    begun[0].result(20)
                with pytest.raises(sqlalchemy.exc.OperationalError) as silent:
                    begun[1].result(20)
                assert engine.trouble(silent.value) == failures.AWAY
                for one in late:
                    with pytest.raises(TemporaryFailure, match="does not answer"):
                        one.result(20)
                with pytest.raises(TemporaryFailure, match="a moment ago"):
                    ask()  # nobody waits again for what was just found out
        monkeypatch.setattr(db.database.obj, "_away_until", 0.0)
        assert ask() == (1,)
        with made.connect() as connection:
            assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
        made.dispose()
        close_database()


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("it happened")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite_error(sqlite3.SQLITE_FULL), failures.FULL),
        (sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED), failures.READ_ONLY),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), failures.AWAY),
        (sqlite_error(sqlite3.SQLITE_ERROR), None),
        (sqlite3.IntegrityError("UNIQUE"), None),
        (psycopg2.OperationalError("connection refused"), failures.AWAY),
        (psycopg2.ProgrammingError("no such column"), None),
        (psycopg2.errors.UniqueViolation("twice"), None),
        (ValueError("nothing of a database"), None),
    ],
)
def test_what_is_the_databases_fault_and_what_is_ours(error: Exception, words: str | None) -> None:
    assert failures.trouble(error) == words
    assert engine.trouble(sqlalchemy.exc.DBAPIError("SELECT", {}, error)) == words
    assert failures.trouble(peewee.DatabaseError(error, *error.args)) == words


def test_sqlite_that_was_read_only_is_written_to_again(tmp_path: Path) -> None:
    """Both ways to the file: a connection that could not write is not kept."""
    path = tmp_path / "x.db"
    db.bind(f"sqlite:///{path}")
    url = f"sqlite:///{path}"
    made = sqlalchemy.create_engine(url, **engine.engine_options(url, 1))
    engine.prepare(made)
    with session():
        db.database.execute_sql("CREATE TABLE x (i int)")
    write = sqlalchemy.text("INSERT INTO x VALUES (1)")
    with made.connect() as connection:
        connection.execute(sqlalchemy.text("PRAGMA query_only = on"))
        with pytest.raises(sqlalchemy.exc.OperationalError) as refused:
            connection.execute(write)
    assert engine.trouble(refused.value) == failures.READ_ONLY
    with made.begin() as connection:
        connection.execute(write)
    with pytest.raises(TemporaryFailure, match="can only be read"):
        execute("PRAGMA query_only = on", "INSERT INTO x VALUES (2)")
    execute("INSERT INTO x VALUES (2)")
    made.dispose()
    db.close()
