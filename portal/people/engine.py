"""How SQLAlchemy opens the one database, by the same rules as peewee's connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, has_app_context
from sqlalchemy import event, exc
from sqlalchemy.engine import Engine, ExceptionContext

from portal.models import failures, postgres

if TYPE_CHECKING:
    from sqlite3 import Connection

PRAGMAS = ("journal_mode=wal", "synchronous=1", "foreign_keys=1", "busy_timeout=15000")


def engine_options(database: str, connections: int = 5) -> dict[str, Any]:
    """SQLAlchemy's engine: parameters stay out of logs, SQLite waits for its turn.

    At most so many ``connections`` to a server; whoever finds none free within
    :data:`~portal.models.postgres.POOL_WAIT_S` fails.
    """
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_pre_ping": True,
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": postgres.POOL_WAIT_S,
    }
    if database.startswith("sqlite"):
        options["connect_args"] = {"isolation_level": "IMMEDIATE", "timeout": 15}
        options["pool_pre_ping"] = False
        options["max_overflow"] = -1  # a file has no places that could run out
    else:
        options["connect_args"] = dict(postgres.OPTIONS)
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
    """The same rules as peewee's connections: both write to one file, or wait for one server."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
    else:
        postgres.wait_with_a_limit()
    event.listen(engine, "handle_error", _throw_away)


def _throw_away(context: ExceptionContext) -> None:
    """A connection on which the database was in trouble is never used again.

    SQLite opens a file that can only be read without a word, and cannot write to it ever after.
    """
    if context.original_exception is not None and trouble(context.original_exception):
        context.is_disconnect = True


def trouble(error: BaseException) -> str | None:
    """As :func:`portal.models.failures.trouble`, for SQLAlchemy's errors too."""
    if isinstance(error, exc.TimeoutError):
        return failures.BUSY
    return failures.trouble(error)


def let_go() -> None:
    """Give back the connection of this request, if it has only read; it takes another one."""
    if not has_app_context() or "sqlalchemy" not in current_app.extensions:
        return
    session: Any = current_app.extensions["sqlalchemy"].session
    if not (session.new or session.dirty or session.deleted):
        session.rollback()
