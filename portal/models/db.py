"""The database that peewee's rows live in: one handle, opened late, closed after use.

SQLite runs in WAL mode with ``BEGIN IMMEDIATE``: a deferred transaction that turns into a
write fails at once with "database is locked" when another writer is there, whatever the
busy time-out says.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import peewee
from playhouse.db_url import connect as connect_url
from playhouse.pool import PooledPostgresqlDatabase

from portal.domain.errors import TemporaryFailure

database = peewee.DatabaseProxy()
"""Bound by :func:`bind`; every row class uses it."""

SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 1,
    "foreign_keys": 1,
    "busy_timeout": 15000,
}

UPGRADE_LOCK = 0x616F6C69
"""Number of the advisory lock in PostgreSQL ("aoli")."""


def open_database(url: str) -> peewee.Database:
    """Make the handle for ``url`` (``sqlite:///path`` or ``postgresql://…``); no I/O yet."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        sqlite: peewee.Database = peewee.SqliteDatabase(
            path, pragmas=SQLITE_PRAGMAS, lock_type="IMMEDIATE"
        )
        return sqlite
    plain = url.replace("postgresql+psycopg2", "postgresql")
    pooled = plain.replace("postgresql://", "postgresql+pool://", 1)
    # As SQLAlchemy reads the same address: %40 in a user name or password is an @.
    handle: Any = connect_url(pooled, unquote_user=True, unquote_password=True, max_connections=64)
    if not isinstance(handle, PooledPostgresqlDatabase):
        raise ValueError("database_url: expected sqlite:///path or postgresql://…")
    postgres: peewee.Database = handle
    return postgres


def bind(url: str) -> None:
    """Let all row classes use the database at ``url``."""
    database.initialize(open_database(url))


@contextmanager
def session() -> Iterator[None]:
    """Use a connection of this thread for the block; nested blocks share it.

    Raises ``TemporaryFailure`` when the database does not answer.
    """
    if not database.is_closed():
        yield
        return
    _connect(database)
    try:
        yield
    finally:
        close()


def _connect(handle: Any) -> None:
    try:
        handle.connect(reuse_if_open=True)
    except peewee.OperationalError as error:
        why = " ".join(str(error).split())
        raise TemporaryFailure(f"the database does not answer: {why}") from error


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Only one process at a time is in such a block for the database at ``url``.

    Raises ``TemporaryFailure`` when the database does not answer. Whoever is killed in the
    block makes way at once: the lock is the connection's, or the file's.
    """
    handle: Any = open_database(url)
    _connect(handle)
    try:
        if isinstance(handle, peewee.SqliteDatabase):
            with open(f"{handle.database}.upgrade", "w", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        else:
            handle.execute_sql("SELECT pg_advisory_lock(%s)", (UPGRADE_LOCK,))
            yield
    finally:
        handle.close()
        if not isinstance(handle, peewee.SqliteDatabase):
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
