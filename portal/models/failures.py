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

    Takes errors of peewee and of the drivers below it (those that SQLAlchemy wraps).
    """
    if isinstance(error, MaxConnectionsExceeded):
        return BUSY
    for one in _with_causes(error):
        if isinstance(one, sqlite3.Error):
            return _SQLITE.get((getattr(one, "sqlite_errorcode", 0) or 0) & 0xFF)
        if isinstance(one, psycopg2.Error):
            return _of_postgres(one)
    if isinstance(error, peewee.OperationalError):
        return AWAY
    return None


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
