"""What the virtual clusters can use of their quotas now; one query while nothing is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from peewee import Case, fn

from portal.domain.job_state import HOLDING
from portal.domain.planning import Shares, VcShare
from portal.domain.resources import Node, load_placement
from portal.models import JobRow, NodeRow

Usable = dict[tuple[str, str], int]
"""By virtual cluster and device type; what is not in it is usable as a whole."""


def usable_quotas(vcs: Collection[VcShare]) -> Usable:
    """What each VC can use, where that is less than its quota (see its ``shortage`` rule)."""
    given: Counter[str] = Counter()
    for vc in vcs:
        given.update(vc.quota)
    there = _schedulable()
    short = {kind for kind, number in given.items() if number > there.get(kind, 0)}
    if not short:
        return {}
    shares = Shares(_nodes(short), vcs)
    held, held_open = _held(shares, short)
    usable: Usable = {}
    for vc in vcs:
        for kind in short & vc.quota.keys():
            key = (vc.name, kind)
            number = shares.usable(*key, held[key], held_open[key])
            if number < vc.quota[kind]:
                usable[key] = number
    return usable


def _schedulable() -> dict[str, int]:
    """Devices by type on nodes that take jobs."""
    row = NodeRow
    ours = row.devices - row.foreign_devices
    rows: Any = (
        row.select(row.device_type, fn.SUM(Case(None, [(ours > 0, ours)], 0)))
        .where(row.ready == True, row.cordoned == False, row.device_type.is_null(False))
        .group_by(row.device_type)
        .tuples()
    )
    return {kind: int(number) for kind, number in rows}


def _nodes(kinds: Collection[str]) -> list[Node]:
    row = NodeRow
    rows: Any = (
        row.select(
            *(row.name, row.ip, row.device_type, row.devices),
            *(row.ready, row.cordoned, row.foreign_devices),
        )
        .where(row.device_type.in_(list(kinds)))
        .tuples()
    )
    return [Node(*columns) for columns in rows]


def _held(
    shares: Shares, kinds: Collection[str]
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Devices that jobs hold, and those of them on nodes that take jobs."""
    held: Counter[tuple[str, str]] = Counter()
    held_open: Counter[tuple[str, str]] = Counter()
    rows: Any = (
        JobRow.select(JobRow.vc, JobRow.device_type, JobRow.placement)
        .where(
            JobRow.released == False,
            JobRow.state.in_([state.value for state in HOLDING]),
            JobRow.device_type.in_(list(kinds)),
        )
        .tuples()
    )
    for vc, kind, data in rows:
        placement = load_placement(data)
        held[vc, kind] += sum(len(slot.devices) for slot in placement)
        held_open[vc, kind] += shares.held_open(kind, placement)
    return held, held_open
