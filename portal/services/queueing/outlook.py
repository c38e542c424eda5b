"""What becomes of a waiting job, or of one that is not submitted yet, as of now.

One plan answers everybody who asks until anything changes that it depends on: many look at
the same queue, and planning it for each of them would keep every page waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from portal.domain.planning import (
    Admission,
    Demand,
    Snapshot,
    Standing,
    Standings,
    Waiting,
    plan,
    preview,
)
from portal.services.queueing.snapshots import UNREACHABLE_GRACE_S, Snapshots, Stamp

MAX_EXPLAINED = 2000
"""So many waiting jobs, and nodes, are planned for within a request."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A snapshot with its plan, true until ``stamp`` or time says otherwise."""

    stamp: Stamp
    snapshot: Snapshot
    answers: dict[str, Admission | Waiting]
    standings: Standings
    until: datetime | None


class Outlooks:
    """Answers from the newest picture; one thread makes it, the others wait for it."""

    def __init__(self, snapshots: Snapshots, clock: Callable[[], datetime]) -> None:
        self._snapshots = snapshots
        self._clock = clock
        self._lock = Lock()
        self._picture: _Picture | None = None

    def preview(self, demand: Demand) -> Admission | Waiting:
        """Whether a job that is not there yet would start now, or why not."""
        picture = self._current()
        snapshot = picture.snapshot if picture else self._snapshots.take()[0]
        return preview(snapshot, demand, self._clock())

    def explain(self, job_id: str) -> tuple[Admission | Waiting | None, Standing]:
        """The same for a waiting job, and everything that it needs.

        ``None`` when it does not wait (any more), or when so much waits that the answer would
        keep a request: then the note of the last pass has to do.
        """
        picture = self._current()
        found = picture.answers.get(job_id) if picture else None
        if picture is None or not isinstance(found, Waiting):
            return found, Standing()
        return found, picture.standings.of(job_id, found)

    def _current(self) -> _Picture | None:
        # The stamp is older than the snapshot: a change in between makes the next one new.
        stamp = self._snapshots.stamp()
        if stamp.waiting > MAX_EXPLAINED or stamp.nodes > MAX_EXPLAINED:
            return None
        with self._lock:
            now, kept = self._clock(), self._picture
            if kept is None or kept.stamp != stamp or not _holds_at(kept, now):
                kept = self._picture = self._draw(stamp, now)
            return kept

    def _draw(self, stamp: Stamp, now: datetime) -> _Picture:
        snapshot, _ = self._snapshots.take()
        made = plan(snapshot, now)
        answers: dict[str, Admission | Waiting] = {found.job_id: found for found in made.admit}
        answers.update(made.waiting)
        return _Picture(stamp, snapshot, answers, Standings(snapshot), _next_change(snapshot, now))


def _holds_at(picture: _Picture, now: datetime) -> bool:
    return picture.until is None or now < picture.until


def _next_change(snapshot: Snapshot, now: datetime) -> datetime | None:
    """When time alone makes another plan of the same snapshot."""
    guard = timedelta(seconds=snapshot.starvation_guard_s)
    moments = [demand.waiting_since + guard for demand in snapshot.waiting]
    moments += [demand.not_before for demand in snapshot.waiting if demand.not_before is not None]
    if snapshot.cluster_seen_at is not None:
        moments.append(snapshot.cluster_seen_at + timedelta(seconds=UNREACHABLE_GRACE_S))
    # A limit is passed only after its moment, so the moment itself still counts.
    return min((moment for moment in moments if moment >= now), default=None)
