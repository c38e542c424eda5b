"""Device use over time, from the book of allocations; a fixed number of queries per answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import SQL, Case, Value, fn

from portal.domain.errors import InvalidSpec
from portal.domain.usage import DAY_MS, HOUR_MS, Change, Span, averages, device_hours
from portal.models import AllocationRow
from portal.services.records.allocations import milliseconds
from portal.services.vcs.reading import VirtualCluster, device_totals

MINUTE_MS = HOUR_MS // 60
RANGES: dict[str, tuple[int, int]] = {
    "1h": (HOUR_MS, MINUTE_MS),
    "24h": (DAY_MS, 5 * MINUTE_MS),
    "7d": (7 * DAY_MS, 30 * MINUTE_MS),
    "30d": (30 * DAY_MS, 2 * HOUR_MS),
}
"""What can be asked for: the length and the step, in milliseconds."""
DEFAULT_RANGE = "7d"
TOP_USERS = 7
"""Users with a line of their own in a chart; the rest is one line."""

OTHERS = ""
"""Stands for the users who have no line of their own."""

UserKey = tuple[str, str]
"""Device type and username."""


_ENDS: tuple[tuple[Any, int], ...] = ((AllocationRow.begun_ms, 1), (AllocationRow.ended_ms, -1))
"""The two ends of a hold, and what each does to the devices in use."""


@dataclass(frozen=True, slots=True)
class TypeUsage:
    """One device type over a span: averages of each step.

    ``users`` are those who held most in the VC, ``others`` all the rest together.
    ``hours`` are the device-hours of every user in the VC; ``allocated_now`` is what the
    whole cluster holds at the end.
    """

    device_type: str
    quota: int
    devices: int
    users: Mapping[str, list[float]]
    others: list[float]
    allocated: list[float]
    hours: Mapping[str, float]
    allocated_now: int


def span_of(name: str, now: datetime) -> Span:
    """The span that a range's name means; raises ``InvalidSpec``."""
    if name not in RANGES:
        raise InvalidSpec("range", "Must be one of %(keys)s", keys=", ".join(RANGES))
    length, step = RANGES[name]
    return Span(milliseconds(now), step, length // step)


class ClusterSeries:
    """What the whole cluster held over time, by device type.

    Everybody's holds of 30 days are many, so long ranges are kept for a little while: a
    sixtieth of a step, which nobody sees in a chart.
    """

    KEPT_STEP_MS = 30 * MINUTE_MS

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int], tuple[int, dict[UserKey, list[float]]]] = {}

    def of(self, span: Span, held: Mapping[UserKey, int]) -> dict[UserKey, list[float]]:
        """Averages of each step; the user is ``''``."""
        key = (span.step_ms, span.steps)
        end_ms, lines = self._kept.get(key, (0, {}))
        if span.step_ms < self.KEPT_STEP_MS or not 0 <= span.end_ms - end_ms < span.step_ms // 60:
            lines = _series(span, None, Value(""), held)
            self._kept[key] = (span.end_ms, lines)
        return lines


def vc_usage(vc: VirtualCluster, span: Span, whole: ClusterSeries | None = None) -> list[TypeUsage]:
    """What the VC's users held of each device type, and what all of the cluster held."""
    held = _held(span, vc.name)
    hours = _hours(span, vc.name, held)
    kinds = sorted({kind for kind, quota in vc.quota.items() if quota} | {k for k, _ in hours})
    top = {kind: _top(hours, kind) for kind in kinds}
    in_vc = _series(span, vc.name, _by_name(top), _gathered(held, top))
    held_in_all = _held(span, None)
    in_all = (whole or ClusterSeries()).of(span, held_in_all)
    totals = device_totals()
    nothing = [0.0] * span.steps
    return [
        TypeUsage(
            device_type=kind,
            quota=vc.quota.get(kind, 0),
            devices=totals.get(kind, 0),
            users={user: in_vc.get((kind, user), nothing) for user in top[kind][:TOP_USERS]},
            others=in_vc.get((kind, OTHERS), nothing) if len(top[kind]) > TOP_USERS else [],
            allocated=in_all.get((kind, ""), nothing),
            hours={user: hours[kind, user] for user in top[kind]},
            allocated_now=held_in_all.get((kind, ""), 0),
        )
        for kind in kinds
    ]


def vc_lines(vc: VirtualCluster, span: Span) -> dict[str, list[float]]:
    """Devices that a VC held of each type, averages of each step; four queries."""
    held: dict[UserKey, int] = defaultdict(int)
    for (kind, _), devices in _held(span, vc.name).items():
        held[kind, OTHERS] += devices
    return {kind: line for (kind, _), line in _series(span, vc.name, Value(OTHERS), held).items()}


def _top(hours: Mapping[UserKey, float], kind: str) -> list[str]:
    """All users of a type, most hours first."""
    mine = {user: value for (its_kind, user), value in hours.items() if its_kind == kind}
    return sorted(mine, key=lambda user: (-mine[user], user))


def _by_name(top: Mapping[str, list[str]]) -> Any:
    """As whom the database gathers a line: the name of a top user, or all others together."""
    row = AllocationRow
    shown = [
        ((row.device_type == kind) & row.username.in_(users[:TOP_USERS]), row.username)
        for kind, users in top.items()
        if users
    ]
    return Case(None, shown, OTHERS) if shown else Value(OTHERS)


def _gathered(held: Mapping[UserKey, int], top: Mapping[str, list[str]]) -> dict[UserKey, int]:
    """The same for what is held."""
    found: dict[UserKey, int] = defaultdict(int)
    for (kind, user), devices in held.items():
        found[kind, user if user in top[kind][:TOP_USERS] else OTHERS] += devices
    return found


def booked_hours(vc: str, now: datetime, length_ms: int) -> dict[UserKey, float]:
    """Device-hours held in the past ``length_ms`` by each user of a VC."""
    span = Span(milliseconds(now), length_ms, 1)
    found = _hours(span, vc, _held(span, vc))
    return {key: hours for key, hours in found.items() if hours > 0}


def held_now(vc: str) -> dict[UserKey, tuple[int, int]]:
    """Devices held now by each user of a VC, and how many of them preemptibly."""
    rows: Any = (
        AllocationRow.select(
            AllocationRow.device_type,
            AllocationRow.username,
            AllocationRow.preemptible,
            fn.SUM(AllocationRow.devices),
        )
        .where(AllocationRow.vc == vc, AllocationRow.ended_ms.is_null())
        .group_by(AllocationRow.device_type, AllocationRow.username, AllocationRow.preemptible)
        .tuples()
    )
    found: dict[UserKey, tuple[int, int]] = {}
    for kind, user, preemptible, devices in rows:
        whole, taken = found.get((kind, user), (0, 0))
        found[kind, user] = (whole + int(devices), taken + (int(devices) if preemptible else 0))
    return found


def _hours(span: Span, vc: str, held: Mapping[UserKey, int]) -> dict[UserKey, float]:
    """Device-hours of each user of a VC."""
    device_ms: dict[UserKey, int] = dict.fromkeys(held, 0)
    for column, sign in _ENDS:
        after = column - span.start_ms
        query: Any = (
            AllocationRow.select(
                AllocationRow.device_type,
                AllocationRow.username,
                fn.SUM(AllocationRow.devices * after),
            )
            .where(AllocationRow.vc == vc, column >= span.start_ms, column < span.end_ms)
            .group_by(AllocationRow.device_type, AllocationRow.username)
            .tuples()
        )
        for kind, user, total in query:
            device_ms[kind, user] = device_ms.get((kind, user), 0) + sign * int(total)
    return {key: device_hours(held.get(key, 0), total, span) for key, total in device_ms.items()}


def _series(
    span: Span, vc: str | None, name: Any, held: Mapping[UserKey, int]
) -> dict[UserKey, list[float]]:
    """Averages by device type and ``name``, an expression over the rows."""
    changes: dict[UserKey, list[Change]] = defaultdict(list)
    for column, sign in _ENDS:
        for key, change in _changes(span, vc, name, column, sign):
            changes[key].append(change)
    return {
        key: averages(held.get(key, 0), changes.get(key, ()), span)
        for key in changes.keys() | held.keys()
    }


def _held(span: Span, vc: str | None) -> dict[UserKey, int]:
    """Devices held at the very end of the span; of the whole cluster the user is ``''``."""
    row = AllocationRow
    user = row.username if vc else Value("")
    query = row.select(row.device_type, user, fn.SUM(row.devices))
    query = query.where(row.vc == vc) if vc else query
    grouping = (row.device_type, row.username) if vc else (row.device_type,)
    found: dict[UserKey, int] = defaultdict(int)
    # Two ranges of one index; as one condition with OR they would be a walk through the table.
    for lasts in (row.ended_ms.is_null(), row.ended_ms >= span.end_ms):
        # The sum keeps the database from walking through the index by beginnings instead.
        grouped: Any = query.where(lasts, row.begun_ms + 0 < span.end_ms).group_by(*grouping)
        for kind, name, devices in grouped.tuples():
            found[kind, name] += int(devices)
    return found


def _changes(
    span: Span, vc: str | None, name: Any, column: Any, sign: int
) -> list[tuple[UserKey, Change]]:
    after = column - span.start_ms
    whose, step = name.alias("whose"), (after / span.step_ms).alias("step")
    query = AllocationRow.select(  # whole numbers: the database rounds the step down
        AllocationRow.device_type,
        whose,
        step,
        fn.SUM(AllocationRow.devices),
        fn.SUM(AllocationRow.devices * after),
    ).where(column >= span.start_ms, column < span.end_ms)
    if vc is not None:
        query = query.where(AllocationRow.vc == vc)
    grouped: Any = query.group_by(AllocationRow.device_type, SQL("whose"), SQL("step"))
    return [
        ((kind, name), Change(int(number), sign * int(devices), sign * int(device_ms)))
        for kind, name, number, devices, device_ms in grouped.tuples()
    ]
