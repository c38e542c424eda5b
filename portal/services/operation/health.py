"""Whether the portal can work: its database and queue can be written to, its cluster answers.

A database on a disk that is full or read-only, and a Redis out of memory, still answer whoever
only reads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from peewee import PeeweeException

from portal.domain.errors import TemporaryFailure
from portal.models import JobRow, ProbeRow
from portal.models.db import failing_softly, let_go, session
from portal.ports import Cluster, Queue

log = logging.getLogger(__name__)


def check(cluster: Cluster, queue: Queue, now: datetime) -> dict[str, bool]:
    """Each part and whether it works; why not is in the log."""
    database = _answers("database", lambda: _read_and_write(now))
    let_go()
    return {
        "database": database,
        "queue": _answers("queue", queue.ping),
        "cluster": _answers("cluster", cluster.ping),
    }


def _answers(part: str, ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (TemporaryFailure, PeeweeException) as error:
        log.warning("not ready, the %s does not answer: %s", part, error)
        return False
    return True


def _read_and_write(now: datetime) -> None:
    """Finds a database that is away, full, read-only, or without its tables."""
    with session(), failing_softly():
        JobRow.select(JobRow.id).limit(1).scalar()
        ProbeRow.insert(id=1, at=now).on_conflict(
            conflict_target=(ProbeRow.id,), update={"at": now}
        ).execute()
