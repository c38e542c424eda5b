"""The first of the waiting jobs of each request: all that a plan has to look at.

Jobs that are alike (``planning.Request``) start in their order, and what keeps one of them
back keeps all later ones back. So some of each are read, and more only where all of those can
start. Beside them stand those that have waited too long (the first of them may hold others
back), and those of which something holds for them alone. Jobs of owners who may not start
anything now (:mod:`~.owners`) are left out: none of them is ahead of anybody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from peewee import chunked

from portal.domain.planning import Demand, Request, VcShare
from portal.domain.reason import LAUNCH_TROUBLE, Reason
from portal.domain.reason import load as load_reason
from portal.domain.resources import load_placement
from portal.models import JobRow
from portal.models.db import database

Owner = tuple[str, str]
"""Virtual cluster and username."""
CHUNK = 50
"""Requests asked for in one statement."""
COLUMNS = (
    "id, name, vc, username, device_type, devices, nodes, preemptible, priority, submitted_at,"
    " waiting_since, not_before, reserved"
)


def waits(index: str) -> str:
    """All that wait, by an index of the queue.

    SQLite counts no rows unless it is told to, and would take any index that begins with the
    state; PostgreSQL chooses for itself (:func:`ask`).
    """
    return f"FROM job INDEXED BY {index} WHERE state = 'queued'"


PLAIN = f"{waits('job_request')} AND not_before IS NULL"
LATER = f"{waits('job_later')} AND not_before IS NOT NULL"
RESERVED = f"{waits('job_reserved')} AND reserved IS NOT NULL AND LENGTH(reserved) > 0"
EDITED = f"{waits('job_edited')} AND priority_edits > 0"
_BY_INDEX = re.compile(r" INDEXED BY \w+")
_REQUEST = "vc, device_type, devices, nodes, preemptible"


@dataclass(frozen=True, slots=True)
class Note:
    """What the row of a waiting job says of it alone."""

    reason: Any
    reserved: Any


def numbers(vcs: Mapping[str, VcShare], barred: Collection[Owner]) -> dict[Request, int]:
    """How many jobs wait of each request; those that are tried again later left out."""
    plain = f"{PLAIN}{others(barred)}"
    found = {
        Request(vc, None, kind, devices, nodes, bool(preemptible)): number
        for vc, kind, devices, nodes, preemptible, number in ask(
            f"SELECT {_REQUEST}, COUNT(*) {plain} GROUP BY {_REQUEST}", barred=barred
        )
    }
    limited = {(vc.name, kind) for vc in vcs.values() for kind in vc.user_limit}
    for vc, kind in sorted(limited & {(one.vc, one.device_type or "") for one in found}):
        for request in [one for one in found if (one.vc, one.device_type) == (vc, kind)]:
            del found[request]
        found.update(_by_user(vc, kind, barred))
    return found


def _by_user(vc: str, kind: str, barred: Collection[Owner]) -> Iterator[tuple[Request, int]]:
    columns = f"{_REQUEST}, username"
    which = f"{PLAIN}{others(barred)} AND vc = ? AND device_type = ?"
    query = f"SELECT {columns}, COUNT(*) {which} GROUP BY {columns}"
    for _, _, devices, nodes, preemptible, user, number in ask(query, vc, kind, barred=barred):
        yield Request(vc, user, kind, devices, nodes, bool(preemptible)), number


def first(
    wanted: Collection[Request], most: int, due_before: datetime, barred: Collection[Owner]
) -> dict[str, Demand]:
    """The first ``most`` of each request, and as many of those that wait since before then."""
    found = _each(wanted, most, "", barred)
    late: dict[Request, int] = dict.fromkeys(wanted, 0)
    for request, demand in found:
        late[request] += demand.waiting_since < due_before
    more = [request for request, number in late.items() if number < most]
    since = JobRow.waiting_since.db_value(due_before)
    found += _each(more, most, " AND waiting_since < ?", barred, since)
    return {demand.job_id: demand for _, demand in found}


def apart() -> tuple[dict[str, Demand], dict[str, Note]]:
    """The jobs of which something holds for them alone, with what their rows say."""
    demands, notes = {}, {}
    query = f"SELECT {COLUMNS}, reason {LATER} UNION SELECT {COLUMNS}, reason {RESERVED}"
    for *columns, reason in ask(query):
        note = Note(JobRow.reason.python_value(reason), JobRow.reserved.python_value(columns[-1]))
        demand = replace(load(columns), trouble=_trouble(note.reason))
        demands[demand.job_id], notes[demand.job_id] = demand, note
    return demands, notes


def _trouble(reason: Mapping[str, Any] | None) -> Reason | None:
    found = load_reason(reason)
    return found if found is not None and found.code in LAUNCH_TROUBLE else None


def one(job_id: str) -> Demand | None:
    """What a waiting job asks for; ``None`` when it does not wait."""
    query = f"SELECT {COLUMNS} FROM job WHERE id = ? AND state = 'queued'"  # noqa: S608 - no value
    return next((load(row) for row in ask(query, job_id)), None)


def changes() -> tuple[tuple[int, int], ...]:
    """Numbers that change with every edit of a priority, and with whatever holds for one alone."""
    sums = [f"SELECT COUNT(*), SUM(version) {which}" for which in (LATER, RESERVED)]
    sums.append(f"SELECT COUNT(*), SUM(priority_edits) {EDITED}")
    return tuple((int(jobs), int(total or 0)) for jobs, total in ask(" UNION ALL ".join(sums)))


def next_due(after: datetime) -> datetime | None:
    """The earliest moment from ``after`` on since when some job waits."""
    query = f"SELECT MIN(waiting_since) {waits('job_since')} AND waiting_since >= ?"
    (found,) = next(iter(ask(query, JobRow.waiting_since.db_value(after))))
    return JobRow.waiting_since.python_value(found)


def load(columns: Iterable[Any]) -> Demand:
    """The demand of a row's :data:`COLUMNS`."""
    *asked, priority, submitted_at, waiting_since, not_before, reserved = columns
    asked[-1] = bool(asked[-1])  # preemptible
    times = map(JobRow.submitted_at.python_value, (submitted_at, waiting_since, not_before))
    place = load_placement(JobRow.reserved.python_value(reserved))
    values: list[Any] = [*asked, priority, *times, place]
    return Demand(*values)


def _each(
    wanted: Collection[Request], most: int, further: str, barred: Collection[Owner], *values: Any
) -> list[tuple[Request, Demand]]:
    found: list[tuple[Request, Demand]] = []
    plain = f"{PLAIN}{others(barred)}"
    for chunk in chunked(wanted, CHUNK):
        parts, given = [], []
        for number, request in enumerate(chunk):
            where, of = _of(request)
            order = f"ORDER BY priority DESC, submitted_at, id LIMIT {most}"
            inner = f"{number} AS part, {COLUMNS} {plain} AND {where}{further} {order}"
            parts.append(f"SELECT * FROM (SELECT {inner}) AS part{number}")  # noqa: S608 - no value
            given += [*of, *values]
        for part, *columns in ask(" UNION ALL ".join(parts), *given, barred=barred):
            found.append((chunk[part], load(columns)))
    return found


def _of(request: Request) -> tuple[str, list[Any]]:
    kind = "device_type IS NULL" if request.device_type is None else "device_type = ?"
    values: list[Any] = [request.vc, request.device_type, request.devices, request.replicas]
    where = f"vc = ? AND {kind} AND devices = ? AND nodes = ? AND preemptible = ?"
    given = [value for value in values if value is not None] + [request.preemptible]
    if request.user is None:
        return where, given
    return f"{where} AND username = ?", [*given, request.user]


def others(barred: Collection[Owner]) -> str:
    """A condition that leaves out the jobs of ``barred``, which :func:`ask` is given too."""
    if not barred:
        return ""
    return " AND (vc, username) NOT IN (SELECT barred.vc, barred.username FROM barred)"


def ask(query: str, *values: Any, barred: Collection[Owner] = ()) -> Any:
    """Rows of a statement that has ``?`` for its values, and names indexes for SQLite."""
    if barred:
        rows = ", ".join(["(?, ?)"] * len(barred))
        query = f"WITH barred(vc, username) AS (VALUES {rows}) {query}"
        values = (*chain.from_iterable(sorted(barred)), *values)
    return database.execute_sql(spelled(query), values)


def spelled(query: str) -> str:
    """The statement as this database takes it."""
    if database.param != "?":
        query = _BY_INDEX.sub("", query)
    return query.replace("?", database.param)
