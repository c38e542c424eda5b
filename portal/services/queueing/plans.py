"""A plan of the moment, made from no more of the queue than it needs."""

from __future__ import annotations

from datetime import datetime

from portal.domain.planning import Plan, plan
from portal.services.queueing.snapshots import Snapshots, Taken


def make(snapshots: Snapshots, now: datetime) -> tuple[Taken, Plan]:
    """What becomes of every waiting job: those that were left out wait as ``refused`` says.

    As long as all jobs that were read of a request can start, more of it are read.
    """
    taken = snapshots.take()
    made = plan(taken.snapshot, now)
    while open_ended := [request for request in taken.cut if request not in made.refused]:
        taken = snapshots.further(taken, open_ended)
        made = plan(taken.snapshot, now)
    return taken, made
