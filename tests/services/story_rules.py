"""What must be true of a shared cluster at every moment, and after the portal has done its work."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from house import House, actor

from portal.domain.job import AttemptRef
from portal.domain.job_state import HOLDING, TERMINAL, TRANSITIONS, JobState
from portal.domain.launch import ReplicaPhase, ReplicaStatus
from portal.domain.planning.planner import plan
from portal.domain.planning.shortage import Shares
from portal.domain.planning.snapshot import VcShare
from portal.domain.resources import load_placement
from portal.models import JobEventRow, JobRow, NodeRow, VcMemberRow, VcRow
from portal.models.db import session
from portal.services.jobs.listing import JobQuery
from portal.services.records import inventory

ENDED = (ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED, ReplicaPhase.LOST)
ALL = 10**6
"""More jobs than ever wait in a test."""
SIZES = {"gpu-1": 8, "gpu-2": 8, "gpu-3": 4, "npu-1": 8, "npu-2": 8}


class Rules:
    """See the module. Failures are assertions."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._admitted: dict[str, int] = {}

    def may_use(self, user: str, vc: str) -> bool:
        """Whether the user is a member, or everybody is."""
        with session():
            rows = VcMemberRow.select().where(VcMemberRow.vc == vc)
            names = {row.name for row in rows}
        return not names or user in names

    def remember(self) -> None:
        """What has been started until now."""
        with session():
            self._admitted = {row.id: row.attempt for row in JobRow.select()}

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
        self._what_is_told_is_true_now()

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

    def _what_is_told_is_true_now(self) -> None:
        """Who looks at a waiting job reads what a plan of this moment says."""
        root = actor("root")
        with session():
            snapshot = self.house.portal.snapshots.take(ALL).snapshot
            made = plan(snapshot, self.house.now)
            for demand in snapshot.waiting:
                told = self.house.portal.jobs.get(root, demand.job_id)
                waiting = made.waiting.get(demand.job_id)
                if waiting is None:
                    assert told["reason"]["code"] == "new", told["reason"]
                else:
                    code, place = waiting.reason.code, waiting.position
                    assert (told["reason"]["code"], told["queue_position"]) == (code, place)
                    numbers = waiting.reason.numbers
                    assert {key: told["reason"][key] for key in numbers} == {
                        **numbers,
                        **({"for_job": told["reason"]["for_job"]} if code == "held_back" else {}),
                    }

    def _no_start_above_a_limit_or_a_part(self, held: list[Any]) -> None:
        """By those that were started since :meth:`remember`; what ran before may be above."""
        with session():
            vcs = {row.name: row for row in VcRow.select()}
            shares = Shares(
                inventory.nodes("lab"), [VcShare(vc.name, vc.quota) for vc in vcs.values()]
            )
        for new in held:
            kind, before = new.device_type, self._admitted.get(new.id, 0)
            if not kind or not new.devices or new.attempt == before:
                continue
            same = [row for row in held if (row.vc, row.device_type) == (new.vc, kind)]
            limit = vcs[new.vc].user_limit.get(kind)
            mine = sum(row.devices * row.nodes for row in same if row.username == new.username)
            assert limit is None or mine <= limit
            there = sum(shares.held_open(kind, load_placement(row.placement)) for row in same)
            assert there <= shares.part(new.vc, kind)

    def _nobody_runs_too_long(self, active: list[Any]) -> None:
        with session():
            most = {row.name: row.max_run_time_s for row in VcRow.select()}
        for row in active:
            if row.state == "running" and most[row.vc] is not None:
                assert (self.house.now - row.started_at).total_seconds() <= most[row.vc]

    def hold_after_work(self) -> None:
        """Once scheduler and workers have had their turn."""
        with session():
            nodes = {row.name: row for row in NodeRow.select()}
            active: list[Any] = list(
                JobRow.select().where(JobRow.state.in_(["scheduling", "running"]))
            )
            held: list[Any] = list(JobRow.select().where(JobRow.released.in_([False])))
        self._every_wait_has_a_reason()
        self._no_start_above_a_limit_or_a_part(held)
        self._nobody_runs_too_long(active)
        assert all(node in nodes for row in active for node in _nodes_of(row))
        for row in active:
            wanted = row.nodes if row.devices else len(load_placement(row.placement))
            assert len(load_placement(row.placement)) == wanted

    def _every_wait_has_a_reason(self) -> None:
        """In lists, and the place that its own page tells."""
        lines: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        beside: list[tuple[str, str | None, int]] = []
        root, jobs = actor("root"), self.house.portal.jobs
        with session():
            listed = jobs.page(root, JobQuery(scope="all", statuses=("queued",), limit=200)).items
            for job in listed:
                assert job["reason"], job["id"]
                assert job["reason"]["code"] != "new", (job["id"], job["reason"])
                assert "%(" not in job["reason"]["message"]
                told = jobs.get(root, job["id"])
                # Its reason may be that from before the last start of the pass.
                assert job["queue_position"] == told["queue_position"], (job, told)
                line = job["device_type"] if job["devices"] else None
                if job["reason"]["code"] == "owner":
                    beside.append((job["vc"], line, job["queue_position"]))
                else:
                    lines[job["vc"], line].append(job["queue_position"])
            assert JobRow.select().where(JobRow.state == "queued").count() == len(listed)
        for positions in lines.values():
            assert sorted(positions) == list(range(1, len(positions) + 1))
        for vc, kind, position in beside:
            assert 1 <= position <= len(lines[vc, kind]) + 1, "they are ahead of nobody"

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
