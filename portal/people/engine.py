"""How SQLAlchemy opens the one database, by the same rules as peewee's connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

if TYPE_CHECKING:
    from sqlite3 import Connection

PRAGMAS = ("journal_mode=wal", "synchronous=1", "foreign_keys=1", "busy_timeout=15000")


def engine_options(database: str) -> dict[str, Any]:
    """SQLAlchemy's engine: parameters stay out of logs, SQLite waits for its turn."""
    options: dict[str, Any] = {"hide_parameters": True, "pool_pre_ping": True}
    if database.startswith("sqlite"):
        options["connect_args"] = {"isolation_level": "IMMEDIATE", "timeout": 15}
        options["pool_pre_ping"] = False
    return options


def sqlalchemy_url(url: str) -> str:
    """The one database URL, naming the driver that peewee uses too (psycopg 2)."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg2{separator}{rest}" if scheme == "postgresql" else url


def _set_pragmas(connection: Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def prepare(engine: Engine) -> None:
    """The same rules as peewee's connections: both write to one file."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
