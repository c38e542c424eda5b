"""What goes on in the virtual clusters, and what deleting one would take away."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from peewee import fn

from portal.domain.job_state import ACTIVE, HOLDING, JobState
from portal.models import GroupRow, JobRow, TemplateRow, UserRow, VcMemberRow

MAX_CANDIDATES = 500


@dataclass(frozen=True, slots=True)
class Activity:
    """Numbers of a VC's jobs that have not ended. ``busy``: they keep it from being changed."""

    busy: int = 0
    queued: int = 0
    paused: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """What is deleted together with a VC."""

    members: int
    templates: int
    jobs: int


def activity() -> dict[str, Activity]:
    """By VC; one query whatever their number. A VC without such jobs is not in it."""
    rows: Any = (
        JobRow.select(JobRow.vc, JobRow.state, fn.COUNT(JobRow.id))
        .where(JobRow.state.in_([state.value for state in ACTIVE]))
        .group_by(JobRow.vc, JobRow.state)
        .tuples()
    )
    counted: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for vc, state, number in rows:
        counted[vc]["busy" if JobState(state) in HOLDING else state] += number
    return {vc: Activity(**numbers) for vc, numbers in counted.items()}


def contents(vc: str) -> Contents:
    """What goes with the VC."""
    templates = TemplateRow.select().where(TemplateRow.scope == "team", TemplateRow.place == vc)
    return Contents(
        members=VcMemberRow.select().where(VcMemberRow.vc == vc).count(),
        templates=templates.count(),
        jobs=JobRow.select().where(JobRow.vc == vc).count(),
    )


def candidates() -> list[tuple[str, str]]:
    """Who can be made a member: (``user`` or ``group``, name), to choose from while typing."""
    found: list[tuple[str, str]] = []
    for kind, column in (("group", GroupRow.name), ("user", UserRow.username)):
        rows: Any = column.model.select(column).order_by(column).limit(MAX_CANDIDATES).tuples()
        found += [(kind, name) for (name,) in rows]
    return found
