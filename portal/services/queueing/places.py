"""Where waiting jobs stand in their lines, counted when it is asked for.

A line is all that wait in a virtual cluster for a device type, in the planner's order.
Nothing is written down: one job that leaves moves all behind it. Jobs of owners who may not
start anything now (``barred``) are ahead of nobody; they have the place they would come to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from peewee import chunked

from portal.domain.planning import MAX_AHEAD, Demand
from portal.models import JobRow
from portal.services.queueing.heads import COLUMNS, Owner, ask, load, others, waits

CHUNK = 100
"""Counts asked for in one statement."""


LINE = waits("job_line")


class Place(NamedTuple):
    """What the place of a job in its line depends on."""

    job_id: str
    vc: str
    device_type: str | None
    """``None`` for jobs without devices, whatever type they name."""
    preemptible: bool
    priority: int
    submitted_at: datetime

    @property
    def line(self) -> tuple[str, str | None]:
        """The line it stands in."""
        return self.vc, self.device_type

    @property
    def rank(self) -> tuple[bool, int]:
        """Its part of the line."""
        return self.preemptible, -self.priority

    @property
    def since(self) -> tuple[datetime, str]:
        """Its place in that part."""
        return self.submitted_at, self.job_id


def place_of(demand: Demand) -> Place:
    """Where ``demand`` stands, or would stand."""
    kind = demand.device_type if demand.devices else None
    named = (demand.job_id, demand.vc, kind)
    return Place(*named, demand.preemptible, demand.priority, demand.submitted_at)


def positions(places: Collection[Place], barred: Collection[Owner] = ()) -> dict[str, int]:
    """How many wait before each in its line, and itself; one query for a page of a list."""
    lines, steps = sorted({place.line for place in places}, key=str), _steps(places)
    parts = [_by_rank(line) for line in lines] + [_between(*step) for step in steps]
    counted = _counts(parts, barred)
    ranks = {line: counted[number] for number, line in enumerate(lines)}
    before: dict[str, int] = {}
    for number, (place, earlier) in enumerate(steps, start=len(lines)):
        between = sum(counted[number].values())
        before[place.job_id] = between + (before[earlier.job_id] if earlier else 0)
    return {
        place.job_id: 1
        + before[place.job_id]
        + sum(n for rank, n in ranks[place.line].items() if rank < place.rank)
        for place in places
    }


def ahead(place: Place, gone: Collection[str], barred: Collection[Owner] = ()) -> list[Demand]:
    """The first :data:`MAX_AHEAD` of the line before ``place``, without those that are gone."""
    where, values = _line(place.line)
    query = (
        f"SELECT {COLUMNS} {LINE}{others(barred)} AND {where}"
        f" ORDER BY preemptible, priority DESC, submitted_at, id LIMIT {MAX_AHEAD + len(gone)}"
    )
    found = [load(row) for row in ask(query, *values, barred=barred)]
    return [one for one in found if one.job_id not in gone and is_before(one, place)][:MAX_AHEAD]


def is_before(demand: Demand, place: Place) -> bool:
    """Whether ``demand`` stands before ``place``, in the same line."""
    other = place_of(demand)
    if other.line != place.line:
        return False
    return (other.rank, other.since) < (place.rank, place.since)


def _line(line: tuple[str, str | None]) -> tuple[str, list[Any]]:
    vc, kind = line
    if kind is None:
        return "vc = ? AND devices = 0", [vc]
    return "vc = ? AND device_type = ? AND devices > 0", [vc, kind]


def _steps(places: Iterable[Place]) -> list[tuple[Place, Place | None]]:
    """Each with the one before it in its part of the line, from which it is counted.

    So a part is walked through once at the most.
    """
    parts: dict[tuple[Any, ...], list[Place]] = defaultdict(list)
    for place in places:
        parts[place.line, place.rank].append(place)
    steps: list[tuple[Place, Place | None]] = []
    for members in parts.values():
        members.sort(key=lambda place: place.since)
        steps += zip(members, [None, *members], strict=False)
    return steps


def _by_rank(line: tuple[str, str | None]) -> tuple[str, list[Any]]:
    """Counts all of a line, by its parts."""
    where, values = _line(line)
    return f"AND {where} GROUP BY preemptible, priority", values


def _between(place: Place, earlier: Place | None) -> tuple[str, list[Any]]:
    """Counts those before ``place`` in its part, from ``earlier`` on."""
    where, values = _line(place.line)
    where += " AND preemptible = ? AND priority = ? AND (submitted_at, id) < (?, ?)"
    values += [place.preemptible, place.priority, *_since(place)]
    if earlier is not None:
        where += " AND (submitted_at, id) >= (?, ?)"
        values += _since(earlier)
    return f"AND {where} GROUP BY preemptible, priority", values


def _counts(
    parts: Sequence[tuple[str, list[Any]]], barred: Collection[Owner]
) -> list[dict[tuple[bool, int], int]]:
    """What each part counts, by rank."""
    found: list[dict[tuple[bool, int], int]] = [{} for _ in parts]
    line = f"{LINE}{others(barred)}"
    for chunk in chunked(enumerate(parts), CHUNK):
        queries, values = [], []
        for number, (part, of) in chunk:
            columns = f"{number} AS part, preemptible, priority, COUNT(*)"
            queries.append(f"SELECT {columns} {line} {part}")
            values += of
        rows = ask(" UNION ALL ".join(queries), *values, barred=barred)
        for number, preemptible, priority, count in rows:
            found[number][bool(preemptible), -priority] = count
    return found


def _since(place: Place) -> list[Any]:
    return [JobRow.submitted_at.db_value(place.submitted_at), place.job_id]
