"""The cluster at one moment, read from the database for the planner."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import fn

from portal.domain.job_state import HOLDING, STOPPING, JobState
from portal.domain.planning import Demand, Holding, PreemptibleScope, Snapshot
from portal.domain.reason import LAUNCH_TROUBLE, Reason
from portal.domain.reason import load as load_reason
from portal.domain.resources import load_placement
from portal.models import AuditRow, ClusterRow, JobEventRow, JobRow, NodeRow
from portal.services.queueing.owners import Owner, Owners
from portal.services.records import inventory
from portal.services.vcs import reading as virtual_clusters
from portal.spi.registry import Registry

UNREACHABLE_GRACE_S = 10
_GIVING_BACK = frozenset(
    state.value for state in JobState if state in STOPPING or state not in HOLDING
)
Notes = dict[str, dict[str, Any]]
"""Of each waiting job what its row says of its outlook."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes with everything that a plan depends on, but time."""

    waiting: int
    nodes: int
    changes: Hashable


class Snapshots:
    """Takes snapshots of one cluster."""

    def __init__(
        self,
        *,
        cluster_name: str,
        registry: Registry,
        preemptible_scope: PreemptibleScope,
        starvation_guard_s: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster_name
        self._registry = registry
        self._scope = preemptible_scope
        self._guard_s = starvation_guard_s
        self._clock = clock
        self._owners = Owners()

    def take(self) -> tuple[Snapshot, Notes]:
        """The cluster now, and of each waiting job the note that it has."""
        reachable, since = inventory.reachable(self._cluster)
        quiet = since is None or self._clock() - since > timedelta(seconds=UNREACHABLE_GRACE_S)
        demands, noted, owners = _demands()
        snapshot = Snapshot(
            nodes=inventory.nodes(self._cluster),
            vcs=virtual_clusters.shares(),
            holding=_holdings(),
            waiting=demands,
            barred=self._owners.barred(owners),
            shapes={name: kind.shape for name, kind in self._registry.device_types.items()},
            preemptible_scope=self._scope,
            starvation_guard_s=self._guard_s,
            cluster_reachable=reachable or not quiet,
            cluster_seen_at=since,
        )
        return snapshot, noted

    def stamp(self) -> Stamp:
        """Six sums that tell whether a snapshot would be the same as an earlier one.

        Every transition has an event, every edit of a virtual cluster moves the epoch on,
        every edit of a priority is counted, every change of an account, group or role has an
        audit entry; versions and the other sums tell of what is changed without any of these.
        """
        waiting = _sums(JobRow.state == JobState.QUEUED.value, JobRow.not_before, JobRow.reserved)
        holding = _sums(JobRow.released == False)
        nodes = _node_sums(self._cluster)
        cluster: Any = (
            ClusterRow.select(ClusterRow.plan_epoch, ClusterRow.reachable, ClusterRow.since)
            .where(ClusterRow.name == self._cluster)
            .tuples()
            .first()
        )
        audited = AuditRow.select(fn.MAX(AuditRow.id))
        newest: Any = JobEventRow.select(fn.MAX(JobEventRow.id), audited).tuples().first()
        return Stamp(waiting[0], nodes[0], (newest, waiting, holding, nodes, cluster))


def _sums(which: Any, *counted: Any) -> tuple[Any, ...]:
    sums = fn.SUM(JobRow.version), fn.SUM(JobRow.priority_edits)
    counts = (fn.COUNT(column) for column in counted)
    found: Any = JobRow.select(fn.COUNT(JobRow.id), *sums, *counts).where(which).tuples().first()
    return tuple(found)


def _node_sums(cluster: str) -> tuple[Any, ...]:
    row = NodeRow
    found: Any = (
        row.select(
            *(fn.COUNT(row.name), fn.MAX(row.seen_at), fn.SUM(row.devices)),
            *(fn.SUM(row.foreign_devices), fn.SUM(row.ready.cast("integer"))),
            fn.SUM(row.cordoned.cast("integer")),
        )
        .where(row.cluster == cluster)
        .tuples()
        .first()
    )
    return tuple(found)


def _demands() -> tuple[tuple[Demand, ...], Notes, set[Owner]]:
    rows: Any = (
        JobRow.select(
            JobRow.id,
            JobRow.name,
            JobRow.vc,
            JobRow.username,
            JobRow.device_type,
            JobRow.devices,
            JobRow.nodes,
            JobRow.preemptible,
            JobRow.priority,
            JobRow.submitted_at,
            JobRow.waiting_since,
            JobRow.not_before,
            JobRow.reason,
            JobRow.queue_position,
            JobRow.ahead,
            JobRow.reserved,
            JobRow.user_id,
        )
        .where(JobRow.state == JobState.QUEUED.value)
        .tuples()
    )
    demands, noted, owners = [], {}, set()
    for row in rows:
        *wanted, reason, position, ahead, reserved, user_id = row
        columns: list[Any] = [*wanted, load_placement(reserved), _trouble(reason)]
        demand = Demand(*columns)
        demands.append(demand)
        owners.add(Owner(user_id, demand.user, demand.vc))
        noted[demand.job_id] = {
            "reason": reason,
            "queue_position": position,
            "ahead": ahead,
            "reserved": reserved,
        }
    return tuple(demands), noted, owners


def _trouble(reason: dict[str, Any] | None) -> Reason | None:
    found = load_reason(reason)
    return found if found is not None and found.code in LAUNCH_TROUBLE else None


def _holdings() -> tuple[Holding, ...]:
    rows: Any = (
        JobRow.select(
            JobRow.id,
            JobRow.name,
            JobRow.vc,
            JobRow.username,
            JobRow.device_type,
            JobRow.placement,
            JobRow.preemptible,
            JobRow.priority,
            JobRow.admitted_at,
            JobRow.state,
        )
        .where(JobRow.released == False)
        .tuples()
    )
    return tuple(
        Holding(
            job_id,
            name,
            vc,
            user,
            kind,
            load_placement(placement),
            preemptible,
            priority,
            admitted_at,
            stopping=state in _GIVING_BACK,
        )
        for (
            job_id,
            name,
            vc,
            user,
            kind,
            placement,
            preemptible,
            priority,
            admitted_at,
            state,
        ) in rows
    )
