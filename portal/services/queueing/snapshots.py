"""The cluster at one moment, read from the database for the planner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from peewee import fn

from portal.domain.job_state import HOLDING, STOPPING, JobState
from portal.domain.planning import Demand, Holding, PreemptibleScope, Request, Snapshot
from portal.domain.resources import load_placement
from portal.models import AuditRow, ClusterRow, JobEventRow, JobRow, NodeRow
from portal.services.queueing import heads
from portal.services.queueing.owners import Owners, of_waiting
from portal.services.records import inventory
from portal.services.vcs import reading as virtual_clusters
from portal.spi.registry import Registry

UNREACHABLE_GRACE_S = 10
_GIVING_BACK = frozenset(
    state.value for state in JobState if state in STOPPING or state not in HOLDING
)
FIRST = 3
"""So many jobs of each request are looked at first."""
GROWTH = 8
"""When all of them can start, so many times more."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes with everything that a plan depends on, but time."""

    nodes: int
    changes: Hashable


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot, and what it leaves out."""

    snapshot: Snapshot
    noted: Mapping[str, heads.Note]
    """What the rows of single jobs say of them alone."""
    waiting: int
    """All that wait, also those that were left out."""
    cut: Mapping[Request, int]
    """Of which requests only so many were read."""
    owners: frozenset[tuple[str, str]]
    """By virtual cluster and user: whose rights were read."""


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

    def take(self, most: int = FIRST) -> Taken:
        """The cluster now, with the first ``most`` waiting jobs of each request."""
        reachable, since = inventory.reachable(self._cluster)
        quiet = since is None or self._clock() - since > timedelta(seconds=UNREACHABLE_GRACE_S)
        vcs = virtual_clusters.shares()
        owners = of_waiting()
        barred = self._owners.barred(owners)
        numbers = heads.numbers(vcs, barred)
        apart, noted = heads.apart()
        first = heads.first(numbers, most, self._due_before(), barred)
        waiting = tuple({**first, **apart}.values())
        known = frozenset((owner.vc, owner.username) for owner in owners)
        if _has_others(waiting, known):
            return self.take(most)  # of who came in between, the rights were not read
        snapshot = Snapshot(
            nodes=inventory.nodes(self._cluster),
            vcs=vcs,
            holding=_holdings(),
            waiting=waiting,
            barred=barred,
            shapes={name: kind.shape for name, kind in self._registry.device_types.items()},
            preemptible_scope=self._scope,
            starvation_guard_s=self._guard_s,
            cluster_reachable=reachable or not quiet,
            cluster_seen_at=since,
        )
        cut = {request: most for request, number in numbers.items() if number > most}
        return Taken(snapshot, noted, sum(owners.values()), cut, known)

    def further(self, taken: Taken, requests: Collection[Request]) -> Taken:
        """The same moment with more jobs of these requests, which all can start so far."""
        most = max(taken.cut[request] for request in requests) * GROWTH
        barred = taken.snapshot.barred
        found = heads.first(requests, most, self._due_before(), barred)
        if _has_others(found.values(), taken.owners):
            return self.take(most)
        known = {demand.job_id: demand for demand in taken.snapshot.waiting}
        read = Counter(map(taken.snapshot.request_of, found.values()))
        cut = {request: most for request in requests if read[request] >= most}
        rest = {request: n for request, n in taken.cut.items() if request not in requests}
        snapshot = replace(taken.snapshot, waiting=tuple({**found, **known}.values()))
        return replace(taken, snapshot=snapshot, cut={**rest, **cut})

    def _due_before(self) -> datetime:
        return self._clock() - timedelta(seconds=self._guard_s)

    def stamp(self) -> Stamp:
        """Sums that tell whether a snapshot would be the same as an earlier one.

        Every transition has an event, every edit of a virtual cluster moves the epoch on,
        every edit of a priority is counted, every change of an account, group or role has an
        audit entry; versions and the other sums tell of what is changed without any of these.
        None of them walks through all that wait.
        """
        holding = _holding_sums()
        nodes = _node_sums(self._cluster)
        cluster: Any = (
            ClusterRow.select(ClusterRow.plan_epoch, ClusterRow.reachable, ClusterRow.since)
            .where(ClusterRow.name == self._cluster)
            .tuples()
            .first()
        )
        audited = AuditRow.select(fn.MAX(AuditRow.id))
        newest: Any = JobEventRow.select(fn.MAX(JobEventRow.id), audited).tuples().first()
        return Stamp(nodes[0], (newest, heads.changes(), holding, nodes, cluster))


def _has_others(waiting: Iterable[Demand], owners: Container[tuple[str, str]]) -> bool:
    return any((demand.vc, demand.user) not in owners for demand in waiting)


def _holding_sums() -> tuple[Any, ...]:
    found: Any = (
        JobRow.select(fn.COUNT(JobRow.id), fn.SUM(JobRow.version), fn.SUM(JobRow.priority_edits))
        .where(JobRow.released == False)
        .tuples()
        .first()
    )
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
