"""PostgreSQL's connections: as many as there are threads, and none that waits for ever.

The server ends a statement after :data:`STATEMENT_S`. A server that has stopped (a frozen
machine, a network that drops packets) ends nothing, so the client waits no longer than
:data:`SILENT_S` for a word of it; that holds for every connection of the process, those of
SQLAlchemy too. A connection that failed so is closed and never used again.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import peewee
import psycopg2
from playhouse.db_url import connect as connect_url
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase
from psycopg2 import extensions

CONNECT_S = 3
"""Time to be let in."""
STATEMENT_S = 15
"""Time of one statement, by the server."""
SILENT_S = 18
"""Time without an answer, by us."""
POOL_WAIT_S = 5
"""How long a thread waits for a connection of the pool."""
PAUSE_S = 2.0
"""A server that did not answer is left alone so long: not every thread has to find out."""

OPTIONS = {
    "connect_timeout": CONNECT_S,
    "options": f"-c statement_timeout={STATEMENT_S * 1000}",
    "application_name": "aoli",
}
"""Of every connection but a patient one."""

_CONNECTING = (extensions.STATUS_SETUP, 20)
"""What ``status`` says of a connection that is not in yet; 20 has no name in psycopg 2."""
_patience = threading.local()


@contextmanager
def patient() -> Iterator[None]:
    """In the block this thread waits as long as it takes: for a lock, for a schema step."""
    with _waiting(None):
        yield


@contextmanager
def _waiting(limit_s: float | None) -> Iterator[None]:
    before = _limit_s()
    _patience.limit_s = limit_s
    try:
        yield
    finally:
        _patience.limit_s = before


def _limit_s() -> float | None:
    limit_s: float | None = getattr(_patience, "limit_s", SILENT_S)
    return limit_s


def wait_for(connection: Any) -> None:
    """Wait until ``connection`` has its answer; psycopg 2 calls this for every one."""
    limit_s = CONNECT_S if connection.status in _CONNECTING else _limit_s()
    end = None if limit_s is None else time.monotonic() + limit_s
    while (state := connection.poll()) != extensions.POLL_OK:
        poller = select.poll()
        poller.register(
            connection.fileno(),
            select.POLLIN if state == extensions.POLL_READ else select.POLLOUT,
        )
        left_ms = None if end is None else max(end - time.monotonic(), 0) * 1000
        if not poller.poll(left_ms):
            raise psycopg2.OperationalError(f"the server has not answered for {limit_s} s")


def wait_with_a_limit() -> None:
    """Let every connection of this process wait by :func:`wait_for`."""
    extensions.set_wait_callback(wait_for)


class Pool(PooledPostgresqlDatabase):
    """The pool, which leaves a server alone for a moment that has just failed to answer."""

    connect_params: dict[str, Any]

    def __init__(self, *given: Any, **named: Any) -> None:
        self._away_until = 0.0
        super().__init__(*given, **named)

    def _connect(self) -> Any:
        with self._pool_lock:
            if time.monotonic() < self._away_until:
                raise peewee.OperationalError("it did not answer a moment ago")
            options = {"options": ""} if _limit_s() is None else {}
            kept, self.connect_params = self.connect_params, {**self.connect_params, **options}
            try:
                return super()._connect()
            except (peewee.OperationalError, psycopg2.OperationalError) as error:
                self._away_until = time.monotonic() + PAUSE_S
                where = f"connection to server at {self._server} failed"
                raise psycopg2.OperationalError(f"{where}: {error}") from error
            finally:
                self.connect_params = kept

    @property
    def _server(self) -> str:
        """As libpq says it, when it is not asked to wait for us."""
        host, port = (self.connect_params.get(name) for name in ("host", "port"))
        return f'"{host or "local socket"}", port {port or 5432}'

    def _is_closed(self, conn: Any) -> bool:
        """Whether an idle connection is of no use; raises when the server is silent.

        All who want a connection wait for this one answer.
        """
        begun = time.monotonic()
        try:
            with _waiting(CONNECT_S):
                conn.cursor().execute("SELECT 1")
        except psycopg2.Error:
            self._close_raw(conn)
            if time.monotonic() - begun >= CONNECT_S:
                raise
            return True
        return False


def open_pool(url: str, size: int) -> peewee.Database:
    """A pool of ``size`` connections to ``postgresql://…``; no I/O yet."""
    plain = url.replace("postgresql+psycopg2", "postgresql")
    # As SQLAlchemy reads the same address: %40 in a user name or password is an @.
    handle: Any = connect_url(plain, unquote_user=True, unquote_password=True)
    if not isinstance(handle, peewee.PostgresqlDatabase):
        raise ValueError("database_url: expected sqlite:///path or postgresql://…")
    wait_with_a_limit()
    pool: peewee.Database = Pool(
        handle.database,
        max_connections=size,
        timeout=POOL_WAIT_S,
        stale_timeout=600,
        **{**OPTIONS, **handle.connect_params},
    )
    return pool


__all__ = ["OPTIONS", "POOL_WAIT_S", "MaxConnectionsExceeded", "Pool", "open_pool", "patient"]
