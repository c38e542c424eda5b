"""Device use over time, from the book of allocations; a fixed number of queries per answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import Value, fn

from portal.domain.errors import InvalidSpec
from portal.domain.usage import DAY_MS, HOUR_MS, Change, Span, averages, device_hours
from portal.models import AllocationRow
from portal.services.allocations import milliseconds
from portal.services.virtual_clusters import VirtualCluster, device_totals

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

UserKey = tuple[str, str]
"""Device type and username."""


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


def vc_usage(vc: VirtualCluster, span: Span) -> list[TypeUsage]:
    """What the VC's users held of each device type, and what all of the cluster held."""
    in_vc = _series(span, vc.name)
    in_all: dict[str, list[float]] = {}
    for (kind, _), values in _series(span, None).items():
        in_all[kind] = values
    held = {kind: devices for (kind, _), devices in _held(span, None).items()}
    totals = device_totals()
    kinds = {kind for kind, quota in vc.quota.items() if quota} | {kind for kind, _ in in_vc}
    return [
        _type_usage(kind, vc, span, in_vc, in_all.get(kind, [0.0] * span.steps), totals, held)
        for kind in sorted(kinds)
    ]


def _type_usage(
    kind: str,
    vc: VirtualCluster,
    span: Span,
    in_vc: Mapping[UserKey, list[float]],
    allocated: list[float],
    totals: Mapping[str, int],
    held: Mapping[str, int],
) -> TypeUsage:
    mine = {user: values for (its_kind, user), values in in_vc.items() if its_kind == kind}
    hours = {user: device_hours(values, span) for user, values in mine.items()}
    order = sorted(hours, key=lambda user: (-hours[user], user))
    rest = [mine[user] for user in order[TOP_USERS:]]
    return TypeUsage(
        device_type=kind,
        quota=vc.quota.get(kind, 0),
        devices=totals.get(kind, 0),
        users={user: mine[user] for user in order[:TOP_USERS]},
        others=[sum(values) for values in zip(*rest, strict=True)] if rest else [],
        allocated=allocated,
        hours={user: hours[user] for user in order},
        allocated_now=held.get(kind, 0),
    )


def booked_hours(vc: str, now: datetime, length_ms: int) -> dict[UserKey, float]:
    """Device-hours held in the past ``length_ms`` by each user of a VC."""
    span = Span(milliseconds(now), length_ms, 1)
    found = {key: device_hours(values, span) for key, values in _series(span, vc).items()}
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


def _series(span: Span, vc: str | None) -> dict[UserKey, list[float]]:
    """Averages by device type and user; of the whole cluster the user is ``''``."""
    changes: dict[UserKey, list[Change]] = defaultdict(list)
    for column, sign in ((AllocationRow.begun_ms, 1), (AllocationRow.ended_ms, -1)):
        for key, change in _changes(span, vc, column, sign):
            changes[key].append(change)
    held = _held(span, vc)
    return {
        key: averages(held.get(key, 0), changes.get(key, ()), span)
        for key in changes.keys() | held.keys()
    }


def _held(span: Span, vc: str | None) -> dict[UserKey, int]:
    """Devices held at the very end of the span."""
    row = AllocationRow
    query = row.select(row.device_type, _user(vc), fn.SUM(row.devices))
    found: dict[UserKey, int] = defaultdict(int)
    # Two ranges of one index; as one condition with OR they would be a walk through the table.
    for lasts in (row.ended_ms.is_null(), row.ended_ms >= span.end_ms):
        # The sum keeps the database from walking through the index by beginnings instead.
        grouped: Any = _grouped(query.where(lasts, row.begun_ms + 0 < span.end_ms), vc)
        for kind, name, devices in grouped.tuples():
            found[kind, name] += int(devices)
    return found


def _changes(span: Span, vc: str | None, column: Any, sign: int) -> list[tuple[UserKey, Change]]:
    after = column - span.start_ms
    step = after / span.step_ms  # whole numbers: the database rounds down
    query = AllocationRow.select(
        AllocationRow.device_type,
        _user(vc),
        step,
        fn.SUM(AllocationRow.devices),
        fn.SUM(AllocationRow.devices * after),
    ).where(column >= span.start_ms, column < span.end_ms)
    grouped: Any = _grouped(query, vc, step)
    return [
        ((kind, name), Change(int(number), sign * int(devices), sign * int(device_ms)))
        for kind, name, number, devices, device_ms in grouped.tuples()
    ]


def _user(vc: str | None) -> Any:
    return AllocationRow.username if vc else Value("")


def _grouped(query: Any, vc: str | None, *more: Any) -> Any:
    if vc is None:
        return query.group_by(AllocationRow.device_type, *more)
    narrowed = query.where(AllocationRow.vc == vc)
    return narrowed.group_by(AllocationRow.device_type, AllocationRow.username, *more)
