"""Which waiting and paused jobs need more than a quota or a limit can ever give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.domain.job_state import JobState
from portal.domain.planning import PreemptibleScope, never_fits
from portal.models import JobRow

MAX_NAMED = 1000
"""So many are named; of more only the number is told."""


@dataclass(frozen=True, slots=True)
class UnfitJob:
    """A job that will not start with the quota and limit that were asked about."""

    id: str
    name: str
    user: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """All such jobs of a virtual cluster: the oldest by name, and how many there are."""

    jobs: Sequence[UnfitJob] = ()
    total: int = 0


def unfit(
    vc: str,
    quota: Mapping[str, int],
    user_limit: Mapping[str, int],
    preemptible_scope: PreemptibleScope,
) -> Unfit:
    """The jobs of ``vc`` that ``quota`` or ``user_limit`` is too small for.

    One query for the shapes that jobs have, one for the jobs of those shapes that are too
    large: their number does not grow with the queue.
    """
    waits = [JobState.QUEUED.value, JobState.PAUSED.value]
    here = (JobRow.vc == vc) & JobRow.state.in_(waits) & (JobRow.devices > 0)
    shape = (JobRow.device_type, JobRow.devices, JobRow.nodes, JobRow.preemptible)
    shapes: Any = JobRow.select(*shape).where(here).distinct().tuples()
    too_large = [
        _same(shape, (kind, devices, nodes, preemptible))
        for kind, devices, nodes, preemptible in shapes
        if never_fits(
            kind,
            needed=devices * nodes,
            quota=None if preemptible and preemptible_scope == "cluster" else quota.get(kind, 0),
            limit=user_limit.get(kind),
        )
    ]
    if not too_large:
        return Unfit()
    any_of_them = too_large[0]
    for one in too_large[1:]:
        any_of_them = any_of_them | one
    which = JobRow.select(JobRow.id, JobRow.name, JobRow.username).where(here, any_of_them)
    rows: Any = which.order_by(JobRow.submitted_at, JobRow.id).limit(MAX_NAMED).tuples()
    return Unfit([UnfitJob(*row) for row in rows], which.count())


def _same(columns: Sequence[Any], values: Sequence[Any]) -> Any:
    first, *rest = (column == value for column, value in zip(columns, values, strict=True))
    for one in rest:
        first = first & one
    return first
