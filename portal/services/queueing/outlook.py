"""What becomes of a waiting job, or of one that is not submitted yet, as of now.

One plan answers everybody who asks until anything changes that it depends on: many look at
the same queue, and planning it for each of them would keep every page waiting. Where very
many wait, it answers for :data:`PATIENCE_S` whatever changes, so that its cost is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from portal.domain.planning import (
    Admission,
    Demand,
    Plan,
    Request,
    Standing,
    Standings,
    Waiting,
    preview,
)
from portal.domain.reason import Reason
from portal.domain.resources import Placement
from portal.services.queueing import heads, places, plans
from portal.services.queueing.snapshots import UNREACHABLE_GRACE_S, Snapshots, Stamp, Taken

LARGE = 2000
"""Of more waiting jobs, an answer may be :data:`PATIENCE_S` old."""
MAX_NODES = 2000
"""Of more nodes, what the last pass noted is told of jobs that wait."""
PATIENCE_S = 2
MAX_PREVIEWS = 256
"""Answers kept for jobs that are not submitted yet."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A snapshot with its plan, true until ``stamp`` or time says otherwise."""

    stamp: Stamp
    made_at: datetime
    taken: Taken
    made: Plan
    starting: dict[str, Admission]
    standings: Standings
    until: datetime | None
    previews: dict[tuple[Request, int], Admission | Waiting] = field(default_factory=dict)

    def holds_at(self, now: datetime) -> bool:
        """Whether time alone would not have made another plan of it."""
        return self.until is None or now < self.until

    def is_fresh(self, stamp: Stamp, now: datetime) -> bool:
        """Whether it may still answer."""
        if self.stamp == stamp:
            return self.holds_at(now)
        return self.taken.waiting > LARGE and now < self.made_at + timedelta(seconds=PATIENCE_S)


class Outlooks:
    """Answers from the newest cached plan; one thread makes it, the others wait for it."""

    def __init__(self, snapshots: Snapshots, clock: Callable[[], datetime]) -> None:
        self._snapshots = snapshots
        self._clock = clock
        self._lock = Lock()
        self._picture: _Picture | None = None

    def preview(self, demand: Demand) -> Admission | Waiting:
        """Whether a job that is not there yet would start now, or why not.

        Planned once for all that ask for the same, whatever else they type.
        """
        picture = self._current(self._snapshots.stamp())
        asked = picture.taken.snapshot.request_of(demand), demand.priority
        found = picture.previews.get(asked)
        if found is None:
            found = preview(picture.taken.snapshot, demand, self._clock())
            if len(picture.previews) < MAX_PREVIEWS:
                picture.previews[asked] = found
        if isinstance(found, Admission):
            return replace(found, job_id=demand.job_id)
        return self._placed(picture, demand, found.reason, found.reserved)[0]

    def explain(self, job_id: str) -> tuple[Admission | Waiting | None, Standing]:
        """The same for a waiting job, and everything that it needs.

        ``None`` when it does not wait (any more), or when the cluster is so large that the
        answer would keep a request: then the note of the last pass has to do.
        """
        stamp = self._snapshots.stamp()
        demand = heads.one(job_id) if stamp.nodes <= MAX_NODES else None
        if demand is None:
            return None, Standing()
        picture = self._current(stamp)
        found = picture.made.waiting.get(job_id)
        reserved = found.reserved if found else ()
        request = picture.taken.snapshot.request_of(demand)
        reason = found.reason if found else picture.made.refused.get(request)
        reason = picture.taken.snapshot.bar_of(demand) or reason
        if job_id in picture.starting or reason is None:
            return picture.starting.get(job_id), Standing()
        waiting, ahead = self._placed(picture, demand, reason, reserved)
        return waiting, picture.standings.of(demand, waiting, ahead)

    def _placed(
        self, picture: _Picture, demand: Demand, reason: Reason, reserved: Placement
    ) -> tuple[Waiting, list[Demand]]:
        """The answer with its place, among those that this plan does not start."""
        place = places.place_of(demand)
        known, barred = picture.taken.snapshot.waiting, picture.taken.snapshot.barred
        starts = (one for one in known if one.job_id in picture.starting)
        gone = {one.job_id for one in starts if places.is_before(one, place)}
        position = places.positions([place], barred)[demand.job_id] - len(gone)
        ahead = places.ahead(place, gone, barred)
        return Waiting(reason, position, tuple(one.job_id for one in ahead), reserved), ahead

    def _current(self, stamp: Stamp) -> _Picture:
        # The stamp is older than the snapshot: a change in between makes the next one new.
        with self._lock:
            now, kept = self._clock(), self._picture
            if kept is None or not kept.is_fresh(stamp, now):
                kept = self._picture = self._draw(stamp, now)
            return kept

    def _draw(self, stamp: Stamp, now: datetime) -> _Picture:
        taken, made = plans.make(self._snapshots, now)
        starting = {found.job_id: found for found in made.admit}
        standings, until = Standings(taken.snapshot), _next_change(taken, now)
        return _Picture(stamp, now, taken, made, starting, standings, until)


def _next_change(taken: Taken, now: datetime) -> datetime | None:
    """When time alone makes another plan of the same snapshot."""
    snapshot = taken.snapshot
    guard = timedelta(seconds=snapshot.starvation_guard_s)
    due = heads.next_due(now - guard)
    moments = [due + guard] if due is not None else []
    moments += [demand.not_before for demand in snapshot.waiting if demand.not_before is not None]
    if snapshot.cluster_seen_at is not None:
        moments.append(snapshot.cluster_seen_at + timedelta(seconds=UNREACHABLE_GRACE_S))
    # A limit is passed only after its moment, so the moment itself still counts.
    return min((moment for moment in moments if moment >= now), default=None)
