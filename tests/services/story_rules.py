"""What must be true of a shared cluster at every moment, and after the portal has done its work."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from house import House

from portal.domain.job import AttemptRef
from portal.domain.job_state import HOLDING, TERMINAL, TRANSITIONS, JobState
from portal.domain.launch import ReplicaPhase, ReplicaStatus
from portal.domain.resources import load_placement
from portal.models import JobEventRow, JobRow, NodeRow, VcRow
from portal.models.db import session

ENDED = (ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED, ReplicaPhase.LOST)
SIZES = {"gpu-1": 8, "gpu-2": 8, "gpu-3": 4, "npu-1": 8, "npu-2": 8}


class Rules:
    """See the module. Failures are assertions."""

    def __init__(self, house: House) -> None:
        self.house = house

    def replicas(self, ref: AttemptRef) -> tuple[ReplicaStatus, ...]:
        """What the cluster has of an attempt."""
        return self.house.cluster.observe(ref).replicas

    def phases(self, ref: AttemptRef) -> set[ReplicaPhase]:
        """The phases of its replicas."""
        return {replica.phase for replica in self.replicas(ref)}

    def hold_always(self) -> None:
        """At any moment, whatever has not been done yet."""
        with session():
            rows: list[Any] = list(JobRow.select().where(JobRow.released.in_([False])))
            quotas = {row.name: row.quota for row in VcRow.select()}
        self._no_device_twice_in_our_books(rows)
        self._no_device_twice_on_the_cluster()
        self._nothing_above_quota(rows, quotas)

    def _no_device_twice_in_our_books(self, rows: list[Any]) -> None:
        given = Counter(
            (slot.node, device)
            for row in rows
            for slot in load_placement(row.placement)
            for device in slot.devices
        )
        assert [place for place, n in given.items() if n > 1] == []
        assert all(device < SIZES[node] for node, device in given)

    def _no_device_twice_on_the_cluster(self) -> None:
        """By what was launched and what lives, not by what we have written down."""
        if self.house.cluster.unreachable:
            return
        seen = self.house.cluster.observe_all()
        launched = {launch.ref: launch for launch in self.house.cluster.launches}
        used: Counter[tuple[str, int]] = Counter()
        attempts: Counter[str] = Counter()
        for ref, observed in seen.items():
            alive = {r.name for r in observed.replicas if r.phase not in ENDED}
            attempts[ref.job_id] += bool(alive)
            for replica in launched[ref].replicas:
                if replica.name in alive:
                    used.update((replica.slot.node, index) for index in replica.slot.devices)
        assert [place for place, n in used.items() if n > 1] == []
        assert [job for job, n in attempts.items() if n > 1] == []

    def _nothing_above_quota(self, rows: list[Any], quotas: dict[str, dict[str, int]]) -> None:
        held: Counter[tuple[str, str]] = Counter()
        for row in rows:
            if row.device_type and JobState(row.state) in HOLDING:
                held[row.vc, row.device_type] += row.devices * row.nodes
        over = {
            key: (number, quotas[key[0]].get(key[1], 0))
            for key, number in held.items()
            if number > quotas[key[0]].get(key[1], 0)
        }
        assert over == {}

    def hold_after_work(self) -> None:
        """Once scheduler and workers have had their turn."""
        with session():
            queued: list[Any] = list(JobRow.select().where(JobRow.state == "queued"))
            nodes = {row.name: row for row in NodeRow.select()}
            active: list[Any] = list(
                JobRow.select().where(JobRow.state.in_(["scheduling", "running"]))
            )
        self._every_wait_has_a_reason(queued)
        assert all(node in nodes for row in active for node in _nodes_of(row))
        for row in active:
            wanted = row.nodes if row.devices else len(load_placement(row.placement))
            assert len(load_placement(row.placement)) == wanted

    def _every_wait_has_a_reason(self, queued: list[Any]) -> None:
        lines: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        for row in queued:
            assert row.reason, row.id
            assert row.reason["code"] != "new", (row.id, row.reason)
            assert "%(" not in row.reason["message"]
            lines[row.vc, row.device_type if row.devices else None].append(row.queue_position)
        for positions in lines.values():
            assert sorted(positions) == list(range(1, len(positions) + 1))

    def hold_at_the_end(self, jobs: list[str]) -> None:
        """Histories are legal, nothing is left on the cluster, nothing is held."""
        with session():
            events: dict[str, list[Any]] = defaultdict(list)
            for event in JobEventRow.select().order_by(JobEventRow.id):
                events[event.job].append(event)
            rows = {row.id: row for row in JobRow.select()}
        assert set(rows) == set(jobs)
        legal = {(source, target) for (source, _), target in TRANSITIONS.items()}
        for job_id, row in rows.items():
            states = [event.to_state for event in events[job_id]]
            assert states[0] == "queued"
            assert events[job_id][0].from_state is None
            assert all(earlier.to_state == e.from_state for earlier, e in pairwise(events[job_id]))
            assert all((JobState(a), JobState(b)) in legal for a, b in pairwise(states))
            assert states[-1] == row.state
            assert JobState(row.state) in TERMINAL
            assert row.attempt == states.count("scheduling")
            assert row.released, (job_id, row.state)
        assert self.house.cluster.observe_all() == {}


def _nodes_of(row: Any) -> set[str]:
    return {slot.node for slot in load_placement(row.placement)}
