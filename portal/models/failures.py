"""What an error of the database means to whoever asked: away, full, read-only; or our mistake."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import peewee
import psycopg2
from playhouse.pool import MaxConnectionsExceeded

AWAY = "the database does not answer"
FULL = "the database's disk is full"
READ_ONLY = "the database can only be read now"
BUSY = "all connections to the database are in use"

_SQLITE = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_BUSY: AWAY,
    sqlite3.SQLITE_LOCKED: AWAY,
    sqlite3.SQLITE_IOERR: AWAY,
    sqlite3.SQLITE_CANTOPEN: AWAY,
    sqlite3.SQLITE_NOTADB: AWAY,
    sqlite3.SQLITE_CORRUPT: AWAY,
    sqlite3.SQLITE_PROTOCOL: AWAY,
}
"""By the first byte of SQLite's code; ``SQLITE_ERROR`` (no such table) is our own mistake."""
_POSTGRES = {"53100": FULL, "53": BUSY, "25006": READ_ONLY, "08": AWAY, "57": AWAY, "58": AWAY}
"""By SQLSTATE or its class: resources, read-only, connection, operator's action, system."""


def trouble(error: BaseException) -> str | None:
    """What is the matter with the database, in words; ``None`` if it is not its fault.

    Takes errors of peewee and of the drivers below it (those that SQLAlchemy wraps). What
    fails while a transaction is being given up has the trouble behind it: SQLite gives up a
    transaction by itself when the disk is full, and then there is none to roll back.
    """
    if isinstance(error, MaxConnectionsExceeded):
        return BUSY
    seen: BaseException | None = error
    while seen is not None and _is_of_a_database(seen):
        words = _trouble(seen)
        if words is not None:
            return words
        seen = seen.__cause__ or seen.__context__
    return None


def _is_of_a_database(error: BaseException) -> bool:
    kinds = (peewee.PeeweeException, sqlite3.Error, psycopg2.Error)
    return isinstance(error, kinds) or hasattr(error, "orig")


def _trouble(error: BaseException) -> str | None:
    for one in _with_causes(error):
        if isinstance(one, sqlite3.Error):
            return _SQLITE.get((getattr(one, "sqlite_errorcode", 0) or 0) & 0xFF)
        if isinstance(one, psycopg2.Error):
            return _of_postgres(one)
    return AWAY if isinstance(error, peewee.OperationalError) else None


def _of_postgres(error: psycopg2.Error) -> str | None:
    code = error.pgcode or ""
    known = _POSTGRES.get(code) or _POSTGRES.get(code[:2])
    if (
        known is None
        and not code
        and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))
    ):
        return AWAY
    return known


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: peewee gives the driver's as first argument, SQLAlchemy
    as ``orig``.
    """
    seen: BaseException | None = error
    for _ in range(4):
        if seen is None:
            return
        yield seen
        inner = getattr(seen, "orig", None) or (seen.args[0] if seen.args else None)
        seen = inner if isinstance(inner, BaseException) else None
