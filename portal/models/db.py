"""The database that peewee's rows live in: one handle, opened late, closed after use.

SQLite runs in WAL mode with ``BEGIN IMMEDIATE``: a deferred transaction that turns into a
write fails at once with "database is locked" when another writer is there, whatever the
busy time-out says.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import peewee

from portal.domain.errors import TemporaryFailure
from portal.models import failures, postgres

database = peewee.DatabaseProxy()
"""Bound by :func:`bind`; every row class uses it."""

SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 1,
    "foreign_keys": 1,
    "busy_timeout": 15000,
}

CONNECTIONS = 8
"""Of a process that answers no requests: its own thread, and some that watch and follow."""

UPGRADE_LOCK = 0x616F6C69
"""Number of the advisory lock in PostgreSQL ("aoli")."""


def open_database(url: str, connections: int = CONNECTIONS) -> peewee.Database:
    """Make the handle for ``url`` (``sqlite:///path`` or ``postgresql://…``); no I/O yet.

    PostgreSQL gets at most so many ``connections``; a thread that needs one more waits.
    """
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        sqlite: peewee.Database = peewee.SqliteDatabase(
            path, pragmas=SQLITE_PRAGMAS, lock_type="IMMEDIATE"
        )
        return sqlite
    return postgres.open_pool(url, connections)


def bind(url: str, connections: int = CONNECTIONS) -> None:
    """Let all row classes use the database at ``url``."""
    database.initialize(open_database(url, connections))


@contextmanager
def session() -> Iterator[None]:
    """Use a connection of this thread for the block; nested blocks share it.

    Raises ``TemporaryFailure`` when the database does not answer, is full or read-only.
    """
    if not database.is_closed():
        yield
        return
    with failing_softly():
        database.connect(reuse_if_open=True)
    try:
        with failing_softly():
            yield
    finally:
        close()


@contextmanager
def failing_softly() -> Iterator[None]:
    """What is the database's own trouble in the block becomes ``TemporaryFailure``.

    The connection it happened on is thrown away: one that was made while the disk could only
    be read can never write, and one whose server went away never comes back.
    """
    try:
        yield
    except (peewee.PeeweeException, postgres.MaxConnectionsExceeded) as error:
        words = failures.trouble(error)
        if words is None:
            raise
        throw_away()
        raise TemporaryFailure(f"{words}: {' '.join(str(error).split())}") from error


def throw_away() -> None:
    """Close this thread's connection for good, and the idle ones beside it."""
    handle: Any = database.obj
    if handle is None:
        return
    try:
        if not handle.is_closed():
            getattr(handle, "manual_close", handle.close)()
        if isinstance(handle, postgres.Pool):
            handle.close_idle()
    except peewee.PeeweeException:
        handle._state.reset()  # it would not even close: forget it


_others: dict[str, Callable[[], None]] = {}


def also_holds(name: str, let_go: Callable[[], None]) -> None:
    """``name`` holds connections of its own in a thread; ``let_go`` gives them back."""
    _others[name] = let_go


def let_go() -> None:
    """Give back every connection of this thread, before something that may take long.

    The next query takes one again. In a transaction nothing is released.
    """
    if database.obj is not None and not database.is_closed() and database.in_transaction():
        return
    close()
    for give_back in _others.values():
        give_back()


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Only one process at a time is in such a block for the database at ``url``.

    Raises ``TemporaryFailure`` when the database does not answer. Whoever is killed in the
    block makes way at once: the lock is the connection's, or the file's.
    """
    handle: Any = open_database(url, 1)
    with postgres.patient():
        yield from _alone(handle)


def _alone(handle: Any) -> Iterator[None]:
    with failing_softly():
        handle.connect(reuse_if_open=True)
    try:
        if isinstance(handle, peewee.SqliteDatabase):
            with open(f"{handle.database}.upgrade", "w", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        else:
            handle.execute_sql("SELECT pg_advisory_lock(%s)", (UPGRADE_LOCK,))
            yield
    finally:
        if isinstance(handle, peewee.SqliteDatabase):
            handle.close()
        else:
            handle.close_all()


def close() -> None:
    """Give this thread's connection back, if it has one."""
    if not database.is_closed():
        database.close()


class UtcField(peewee.DateTimeField):
    """An aware datetime, kept as naive UTC with microseconds."""

    def db_value(self, value: datetime | None) -> datetime | None:
        """Aware to naive UTC; a naive value is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not reach the database")
        return value.astimezone(UTC).replace(tzinfo=None)

    def python_value(self, value: Any) -> datetime | None:
        """Naive UTC to aware."""
        if isinstance(value, str):
            try:  # a tenth of the time that trying formats takes
                return datetime.fromisoformat(value).replace(tzinfo=UTC)
            except ValueError:
                pass
        parsed: datetime | None = super().python_value(value)  # type: ignore[no-untyped-call]
        return None if parsed is None else parsed.replace(tzinfo=UTC)


class JsonField(peewee.TextField):
    """A JSON value in a text column (never queried into)."""

    def db_value(self, value: Any) -> str | None:
        """Compact JSON; ``None`` stays NULL."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def python_value(self, value: str | None) -> Any:
        """The value."""
        return None if value is None else json.loads(value)


class Row(peewee.Model):
    """Base of all rows."""

    class Meta:
        database = database
        legacy_table_names = False
