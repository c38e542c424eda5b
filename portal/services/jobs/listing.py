"""Lists of jobs: filters, order, pages, counts. Quick at a million jobs."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from peewee import Case, fn

from portal.domain.errors import Forbidden, InvalidSpec
from portal.domain.job_state import ACTIVE, JobState
from portal.domain.permission import Actor, Permission
from portal.models import JobRow, UserRow
from portal.services.records.job_views import summary

MAX_LIMIT, DEFAULT_LIMIT = 200, 20
MAX_OFFSET = 10**9
COUNT_CAP = 10000
"""Lists longer than this are not counted to the end (``total`` is ``None``)."""
GROUPS: dict[str, tuple[JobState, ...]] = {
    "running": (JobState.RUNNING, JobState.KILLING),
    "waiting": (JobState.QUEUED, JobState.SCHEDULING, JobState.PREEMPTING),
    "paused": (JobState.PAUSED, JobState.PAUSING),
}
"""How the active jobs of everybody are grouped (spec D1); each active state is in one group."""
GROUP_OF = {state.value: name for name, states in GROUPS.items() for state in states}
BATCH = 1000
MOST_OWNERS = 200
_SHOWN = tuple(
    getattr(JobRow, name)
    for name in (
        *("id", "name", "username", "vc", "kind", "state", "reason"),
        *("preemptible", "priority", "device_type", "devices", "nodes", "attempt", "exit_code"),
        *("submitted_at", "started_at", "finished_at"),
    )
)
SORTS = {
    "submitted": JobRow.submitted_at,
    "name": JobRow.name,
    "status": JobRow.state,
    "devices": JobRow.devices * JobRow.nodes,
    "priority": JobRow.priority,
    "started": JobRow.started_at,
    "finished": JobRow.finished_at,
    "user": JobRow.username,
}


@dataclass(frozen=True, slots=True)
class JobQuery:
    """What to list. ``sort`` is a key of :data:`SORTS`, with ``-`` in front for descending.

    ``scope`` ``all`` without ``statuses`` lists the active jobs of everyone. ``grouped`` puts
    the groups of :data:`GROUPS` one after the other, each in the order asked for. A job is
    between the two times when ``submitted_after`` ≤ its submission < ``submitted_before``.
    """

    scope: str = "mine"
    vc: str | None = None
    statuses: tuple[str, ...] = ()
    kind: str | None = None
    device_type: str | None = None
    preemptible: bool | None = None
    user: str | None = None
    q: str = ""
    submitted_after: datetime | None = None
    submitted_before: datetime | None = None
    sort: str = "-submitted"
    grouped: bool = False
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of a list; ``total`` is ``None`` when it was not counted to the end."""

    items: list[dict[str, Any]]
    next_cursor: str | None
    total: int | None


def list_jobs(actor: Actor, query: JobQuery, by_state: Mapping[str, int] | None = None) -> JobPage:
    """The page that ``query`` asks for.

    ``by_state`` is what :func:`counts` says of it, from whoever has asked: then the jobs are
    not counted once more.

    Raises ``Forbidden`` for scope ``all`` without the permission, ``InvalidSpec`` on a
    parameter that is wrong. Ordered by anything but the time of submission, a list that is
    too long to be counted is that of (at least) its newest :data:`COUNT_CAP` jobs.
    """
    key, descending = _check(actor, query)
    query = replace(query, grouped=query.grouped and _several_groups(query))
    base = JobRow.select().where(*_conditions(actor, query))
    known = _known(query, by_state) if by_state is not None else None
    total = _count(base) if known is None else _capped(known)
    begin = None
    if query.cursor is not None:
        begin, query = _after_cursor(query, key, descending)
    if total is None:
        by_time = key == "submitted" and not query.grouped
        most = query.offset + query.limit + 1 if by_time else COUNT_CAP
        ids = _first_by_time(actor, query, begin, most, descending=descending or not by_time)
        base = JobRow.select().where(JobRow.id.in_(ids))
    elif begin is not None:
        base = base.where(begin)
    order = _order(key, descending, query.grouped)
    # The ids alone are sorted: a whole row is wide, and only those of the page are needed.
    ids = base.select(JobRow.id).order_by(*order).limit(query.limit + 1).offset(query.offset)
    found: list[Any] = list(JobRow.select().where(JobRow.id.in_(ids)).order_by(*order))
    more = len(found) > query.limit
    items = found[: query.limit]
    cursor = _cursor(items[-1], query, key) if more else None
    return JobPage([summary(row) for row in items], cursor, total)


def _several_groups(query: JobQuery) -> bool:
    """Whether putting the groups one after the other says more than the order asked for."""
    return not query.statuses or len({GROUP_OF.get(state, "") for state in query.statuses}) > 1


def _first_by_time(
    actor: Actor, query: JobQuery, begin: Any, most: int, *, descending: bool
) -> Any:
    """Ids of (at least) the first ``most`` jobs in the order by time, from ``begin`` on.

    Of everybody's jobs each state is asked by itself: there is an index by state and time, but
    none by time for several states together.
    """
    states = query.statuses or tuple(state.value for state in ACTIVE)
    parts = [(state,) for state in states] if query.scope == "all" else [query.statuses]
    found: Any = None
    for statuses in parts:
        conditions = _conditions(actor, replace(query, statuses=statuses))
        first = JobRow.select(JobRow.id).where(*conditions)
        if begin is not None:
            first = first.where(begin)
        first = first.order_by(*_order("submitted", descending, False)).limit(most).alias("part")
        part = JobRow.select(first.c.id).from_(first)
        found = part if found is None else found + part
    return found


def every_job(actor: Actor, query: JobQuery) -> Iterator[list[dict[str, Any]]]:
    """All jobs that the query would list, newest first, in batches; one batch in memory.

    Checks at once and raises as :func:`list_jobs`; each batch needs a database session.
    """
    whole = replace(query, sort="-submitted", grouped=False, cursor=None, offset=0, limit=1)
    _check(actor, whole)
    return _batches(actor, whole)


def _batches(actor: Actor, query: JobQuery) -> Iterator[list[dict[str, Any]]]:
    begin: Any = None
    while True:
        ids = _first_by_time(actor, query, begin, BATCH, descending=True)
        found = JobRow.select(*_SHOWN).where(JobRow.id.in_(ids))
        rows: list[Any] = list(found.order_by(*_order("submitted", True, False)).limit(BATCH))
        if rows:
            yield [summary(row) for row in rows]
        if len(rows) < BATCH:
            return
        begin = _beyond(rows[-1].submitted_at, rows[-1].id, True)


def _order(key: str, descending: bool, grouped: bool) -> tuple[Any, ...]:
    column = SORTS[key].desc() if descending else SORTS[key].asc()
    if not grouped:
        return (column, JobRow.id.asc())
    ranks = [(state.value, rank) for rank, states in enumerate(GROUPS.values()) for state in states]
    return (Case(JobRow.state, ranks, len(GROUPS)), column, JobRow.id.asc())


def counts(actor: Actor, query: JobQuery) -> dict[str, int]:
    """Number of jobs by state that the query (without its statuses) would list."""
    everything = replace(query, statuses=tuple(JobState) if query.scope == "mine" else ())
    _check(actor, everything)
    rows: Any = (
        JobRow.select(JobRow.state, fn.COUNT(JobRow.id))
        .where(*_conditions(actor, everything))
        .group_by(JobRow.state)
        .tuples()
    )
    return dict(rows)


def owners(actor: Actor, query: JobQuery) -> list[str]:
    """Names of (at most :data:`MOST_OWNERS`) users with jobs that ``query`` would list."""
    _check(actor, query)
    rows: Any = (
        JobRow.select(JobRow.username)
        .where(*_conditions(actor, query))
        .distinct()
        .limit(MOST_OWNERS)
        .tuples()
    )
    return sorted(name for (name,) in rows)


def _check(actor: Actor, query: JobQuery) -> tuple[str, bool]:
    if query.scope not in ("mine", "all"):
        raise InvalidSpec("scope", "Must be mine or all")
    if query.scope == "all" and not actor.may(Permission.VIEW_ALL_JOBS):
        raise Forbidden("Seeing the jobs of all users needs the permission View all users jobs")
    if not 1 <= query.limit <= MAX_LIMIT:
        raise InvalidSpec("limit", "Must be from %(min)s to %(max)s", min=1, max=MAX_LIMIT)
    for status in query.statuses:
        if status not in tuple(JobState):
            raise InvalidSpec("status", "%(status)s is not a status", status=status)
    key = query.sort.removeprefix("-")
    if key not in SORTS:
        raise InvalidSpec("sort", "Must be one of %(keys)s", keys=", ".join(SORTS))
    return key, query.sort.startswith("-")


def _conditions(actor: Actor, query: JobQuery) -> list[Any]:
    conditions: list[Any] = [_scope(actor, query)]
    equal = (
        (JobRow.vc, query.vc),
        (JobRow.kind, query.kind),
        (JobRow.device_type, query.device_type),
    )
    conditions += [column == value for column, value in equal if value]
    if query.user:
        conditions.append(_of_user(query.user))
    if query.preemptible is not None:
        conditions.append(JobRow.preemptible == query.preemptible)
    if query.submitted_after is not None:
        conditions.append(JobRow.submitted_at >= query.submitted_after)
    if query.submitted_before is not None:
        conditions.append(JobRow.submitted_at < query.submitted_before)
    if query.q:
        text = query.q.strip()
        match = JobRow.name.contains(text) | JobRow.id.startswith(text.lower())
        if query.scope == "all":
            match |= JobRow.username.startswith(text)
        conditions.append(match)
    return conditions


def _of_user(username: str) -> Any:
    """By number, which there is an index for; by name alone where the account is gone."""
    row = UserRow.get_or_none(UserRow.username == username)
    return JobRow.username == username if row is None else JobRow.user_id == row.id


def _scope(actor: Actor, query: JobQuery) -> Any:
    statuses: Sequence[str] = query.statuses
    if query.scope == "mine":
        mine = JobRow.user_id == actor.user_id
        return mine & JobRow.state.in_(list(statuses)) if statuses else mine
    return JobRow.state.in_(list(statuses) or [state.value for state in ACTIVE])


def _count(base: Any) -> int | None:
    return _capped(base.limit(COUNT_CAP + 1).count())


def _capped(counted: int) -> int | None:
    return counted if counted <= COUNT_CAP else None


def _known(query: JobQuery, by_state: Mapping[str, int]) -> int | None:
    """How many the query lists; ``None`` when states are asked for that were not counted."""
    wanted = set(query.statuses)
    if query.scope == "all" and not wanted <= {state.value for state in ACTIVE}:
        return None
    return sum(number for state, number in by_state.items() if not wanted or state in wanted)


def _cursor(row: Any, query: JobQuery, key: str) -> str:
    """Where the next page begins: a place in the order by time, a number in others."""
    place: dict[str, Any]
    if key == "submitted" and not query.grouped:
        place = {"at": row.submitted_at.isoformat(), "id": row.id}
    else:
        place = {"offset": query.offset + query.limit}
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _after_cursor(query: JobQuery, key: str, descending: bool) -> tuple[Any, JobQuery]:
    """The condition that the next page begins with, or the query with its offset."""
    try:
        place = json.loads(base64.urlsafe_b64decode((query.cursor or "").encode()))
        if key != "submitted" or query.grouped:
            offset = int(place["offset"])
            return None, replace(query, offset=min(max(offset, 0), MAX_OFFSET))
        at, job_id = datetime.fromisoformat(place["at"]).astimezone(UTC), str(place["id"])
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise InvalidSpec("cursor", "Not a cursor of this list") from None
    return _beyond(at, job_id, descending), query


def _beyond(at: datetime, job_id: str, descending: bool) -> Any:
    """Behind a place in the order by time."""
    column = JobRow.submitted_at
    later = column < at if descending else column > at
    reached = column <= at if descending else column >= at  # a bound that an index can use
    return reached & (later | ((column == at) & (JobRow.id > job_id)))
