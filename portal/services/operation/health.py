"""Whether the portal can work: its database, its queue and its cluster answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

from peewee import PeeweeException

from portal.domain.errors import TemporaryFailure
from portal.models import JobRow
from portal.models.db import session
from portal.ports import Cluster, Queue

log = logging.getLogger(__name__)


def check(cluster: Cluster, queue: Queue) -> dict[str, bool]:
    """Each part and whether it answers; why not is in the log."""
    return {
        "database": _answers("database", _read_a_job),
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


def _read_a_job() -> None:
    """Finds a database that is away, and one whose tables were not made yet."""
    with session():
        JobRow.select(JobRow.id).limit(1).scalar()
