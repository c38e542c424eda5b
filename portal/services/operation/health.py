"""Whether the portal can work: its database and queue can be written to, its cluster answers.

A database on a disk that is full or read-only, and a Redis out of memory, still answer whoever
only reads.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from threading import Lock

from peewee import PeeweeException

from portal.domain.errors import TemporaryFailure
from portal.models import JobRow, ProbeRow
from portal.models.db import failing_softly, let_go, session
from portal.ports import Cluster, Queue

log = logging.getLogger(__name__)
FRESH_S = 2.0
"""An answer is good for so long: whoever watches the portal must not load what it stands on."""


class Readiness:
    """Asks each part at most every :data:`FRESH_S` seconds, whoever wants to know it."""

    def __init__(
        self,
        cluster: Cluster,
        queue: Queue,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        asks = {
            "database": lambda: _read_and_write(clock()),
            "queue": queue.ping,
            "cluster": cluster.ping,
        }
        self._parts = [_Part(name, ask, monotonic) for name, ask in asks.items()]

    def check(self) -> dict[str, bool]:
        """Each part and whether it answers; why not is in the log."""
        return {part.name: part.answers() for part in self._parts}


class _Part:
    """One part with its last answer."""

    def __init__(
        self, name: str, ask: Callable[[], object], monotonic: Callable[[], float]
    ) -> None:
        self.name = name
        self._ask = ask
        self._monotonic = monotonic
        self._lock = Lock()
        self._last: tuple[float, bool] | None = None

    def answers(self) -> bool:
        """Whether it answers now, or did a moment ago.

        While one asks a part that hangs, the others take its last answer: they must not all
        wait there.
        """
        last = self._last
        if last is not None and self._monotonic() - last[0] < FRESH_S:
            return last[1]
        if not self._lock.acquire(blocking=last is None):
            assert last is not None
            return last[1]
        try:
            if self._last is not last and self._last is not None:
                return self._last[1]  # somebody asked while we waited for our turn
            let_go()  # what is asked may hang
            answers = _answers(self.name, self._ask)
            self._last = (self._monotonic(), answers)
            return answers
        finally:
            self._lock.release()


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
