"""A random story of a shared cluster: users, administrators and the cluster do what they like.

Everything goes through the services, as pages and API do; after every step
:mod:`story_rules` looks whether anything is wrong. A seed tells the same story every time.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

from house import GPU, NPU, House, actor, body
from story_rules import Rules

from portal.domain.errors import AoliError, TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.job_state import TERMINAL, JobState
from portal.domain.launch import ReplicaPhase
from portal.models import GroupRow, JobRow, UserRow, VcMemberRow, VcRow
from portal.models.db import database, session
from portal.testing import a_node

NODES = (
    a_node("gpu-1"),
    a_node("gpu-2"),
    a_node("gpu-3", devices=4),
    a_node("npu-1", device_type=NPU),
    a_node("npu-2", device_type=NPU),
)
QUOTAS = {"platform": {GPU: 10, NPU: 8}, "vision": {GPU: 10, NPU: 8}}
USERS = ("alice", "bob")


class Story:
    """See the module."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.rules = Rules(house)
        self.told: list[str] = []
        self.jobs: list[str] = []
        house.cluster.set_nodes(*NODES)
        house.cluster.stops_at_once = self.chance.random() < 0.5
        house.queue.tasks = {name: _patient(task) for name, task in house.queue.tasks.items()}
        with session():
            database.create_tables([UserRow, GroupRow])
            for number, name in enumerate(USERS, start=1):
                UserRow.insert(id=number, username=name, email=name, active=True).execute()
            house.portal.watch_handler.nodes_changed(house.cluster.nodes())
            for name, quota in QUOTAS.items():
                VcRow.update(quota=quota).where(VcRow.name == name).execute()
        self._turns: list[tuple[Callable[[], None], int]] = [
            (self.submit, 24),
            (self.replicas_run, 20),
            (self.replica_ends, 12),
            (self.act, 14),
            (self.priority, 6),
            (self.edit_vc, 8),
            (self.cordon, 4),
            (self.node_goes, 2),
            (self.node_is_taken_away, 1),
            (self.nodes_come_back, 4),
            (self.replica_lost, 4),
            (self.launch_refused, 2),
            (self.cluster_away, 2),
            (self.queue_loses_everything, 2),
            (self.time_passes, 12),
        ]

    def tell(self, steps: int) -> None:
        """So many random steps, each followed by all rules."""
        turns, weights = zip(*self._turns, strict=True)
        for _ in range(steps):
            turn = self.chance.choices(turns, weights)[0]
            self.told.append(turn.__name__)
            turn()
            self.rules.hold_always()
            if self.chance.random() < 0.8:
                self.work()

    def work(self) -> None:
        """What scheduler and workers do in some seconds."""
        self.rules.remember()
        with session():
            with contextlib.suppress(TemporaryFailure):
                self.house.portal.passes.full_pass()
            self.house.portal.passes.due()
        self.house.queue.enqueue("admit", key="admit")
        self.house.queue.drain()
        self.rules.hold_always()
        self.rules.hold_after_work()

    # -- users -------------------------------------------------------------------------

    def submit(self) -> None:
        """Somebody submits something."""
        kind = self.chance.choice([GPU, GPU, NPU, None])
        counts = {GPU: (1, 2, 3, 4, 8), NPU: (1, 2, 4, 8)}
        who, vc = self.chance.choice(USERS), self.chance.choice(list(QUOTAS))
        fields: dict[str, Any] = {
            "vc": vc,
            "priority": self.chance.choice([1, 100, 100, 500]),
            "preemptible": self.chance.random() < 0.4,
        }
        if kind:
            fields |= {"device_type": kind, "devices": self.chance.choice(counts[kind])}
            if self.chance.random() < 0.2:
                fields |= {"kind": "distributed", "nodes": 2}
        allowed = self.rules.may_use(who, vc)
        before = len(self.jobs)
        self._try(
            lambda: self.jobs.append(
                self.house.portal.jobs.submit(actor(who), body(**fields))["id"]
            )
        )
        assert allowed or len(self.jobs) == before, "who is no member submits nothing"

    def act(self) -> None:
        """Somebody pauses, resumes or kills."""
        action = self.chance.choice(["pause", "resume", "resume", "kill"])
        if self.jobs:
            job_id = self.chance.choice(self.jobs)
            self._try(lambda: self.house.portal.jobs.act(actor("root"), job_id, action))

    def priority(self) -> None:
        """Somebody is in a hurry, or no more."""
        if self.jobs:
            job_id, value = self.chance.choice(self.jobs), self.chance.randint(1, 1000)
            self._try(lambda: self.house.portal.jobs.set_priority(actor("root"), job_id, value))

    def edit_vc(self) -> None:
        """An administrator gives devices to another VC, limits users, chooses members."""
        name = self.chance.choice(list(QUOTAS))
        quota = {GPU: self.chance.randint(0, 20), NPU: self.chance.choice([0, 4, 8, 16])}
        limit = self.chance.choice([{}, {}, {GPU: 6}, {GPU: 8, NPU: 8}])
        users = self.chance.choice([[], [], ["alice"], ["alice", "bob"]])
        change: dict[str, Any] = self.chance.choice(
            [
                {"quota": quota},
                {"quota": quota},
                {"user_limit": limit},
                {"members": {"users": users, "groups": []}},
                {"max_run_time_s": self.chance.choice([None, None, 200, 2000])},
                {"preempt_grace_s": self.chance.choice([0, 30])},
            ]
        )
        self._try(lambda: self.house.portal.vc_editor.modify(actor("root"), name, change))

    def _try(self, deed: Callable[[], object]) -> None:
        """What is not allowed now is refused with a known error, and nothing else."""
        with session():
            try:
                deed()
            except AoliError as error:
                self.told.append(f"({error.code})")

    # -- the cluster -------------------------------------------------------------------

    def replicas_run(self) -> None:
        """Whatever was launched runs."""
        for ref in self._alive():
            if all(r.phase is ReplicaPhase.PENDING for r in self.rules.replicas(ref)):
                self.house.cluster.run(ref)

    def replica_ends(self) -> None:
        """A command ends, well or not."""
        refs = [r for r in self._alive() if self.rules.phases(r) == {ReplicaPhase.RUNNING}]
        if refs:
            self.house.cluster.finish(
                self.chance.choice(refs), exit_code=self.chance.choice([0, 0, 1])
            )

    def replica_lost(self) -> None:
        """The cluster loses an attempt, or somebody deletes it there."""
        refs = self._alive()
        if refs:
            lose = self.chance.choice([self.house.cluster.lose, self.house.cluster.vanish])
            lose(self.chance.choice(refs))

    def cordon(self) -> None:
        """An administrator keeps work off a node, or lets it in."""
        with contextlib.suppress(TemporaryFailure):
            node = self.chance.choice(self._nodes())
            self.house.cluster.set_cordoned(node, self.chance.random() < 0.5)

    def node_goes(self) -> None:
        """A node dies with everything on it."""
        with contextlib.suppress(TemporaryFailure):
            self.house.cluster.lose_node(self.chance.choice(self._nodes()))

    def node_is_taken_away(self) -> None:
        """A node dies and is taken out of the cluster."""
        if not self.house.cluster.unreachable and len(self._nodes()) > 1:
            name = self.chance.choice(self._nodes())
            self.house.cluster.lose_node(name)
            left = (node for node in self.house.cluster.nodes() if node.name != name)
            self.house.cluster.set_nodes(*left)

    def nodes_come_back(self) -> None:
        """All nodes are well again, and the cluster answers."""
        self.house.cluster.unreachable = False
        self.house.cluster.set_nodes(*NODES)

    def launch_refused(self) -> None:
        """The next launch fails for now."""
        self.house.cluster.refuse("try later", temporary=True)

    def cluster_away(self) -> None:
        """The cluster does not answer."""
        self.house.cluster.unreachable = True

    def queue_loses_everything(self) -> None:
        """Redis is wiped."""
        self.house.queue.waiting.clear()

    def time_passes(self) -> None:
        """Some time."""
        self.house.advance(self.chance.choice([1, 5, 40, 300, 900]))

    def _nodes(self) -> list[str]:
        """Names of the nodes that there are; the last one is never taken away."""
        return sorted(node.name for node in self.house.cluster.nodes())

    def _alive(self) -> list[AttemptRef]:
        if self.house.cluster.unreachable:
            return []
        seen = self.house.cluster.observe_all()
        return sorted(
            (
                ref
                for ref, observed in seen.items()
                if observed.replicas and not any(r.stopping for r in observed.replicas)
            ),
            key=lambda ref: self.jobs.index(ref.job_id) if ref.job_id in self.jobs else -1,
        )

    # -- the end -----------------------------------------------------------------------

    def finish(self, rounds: int) -> None:
        """Everything is well again: every job comes to its end."""
        self.nodes_come_back()
        with session():
            for name, quota in QUOTAS.items():
                VcRow.update(quota=quota, user_limit={}, max_run_time_s=None).where(
                    VcRow.name == name
                ).execute()
            VcMemberRow.delete().execute()
        for _ in range(rounds):
            if not self._open():
                break
            for job_id in self._open(JobState.PAUSED):
                self._try(
                    lambda job_id=job_id: self.house.portal.jobs.act(  # type: ignore[misc]
                        actor("root"), job_id, "resume"
                    )
                )
            self.house.advance(61)
            self.work()
            self.replicas_run()
            self.work()
            for ref in self._alive():
                if self.rules.phases(ref) == {ReplicaPhase.RUNNING}:
                    self.house.cluster.finish(ref)
            self.work()
        assert not self._open(), self._open()
        self.house.advance(61)
        self.work()
        self.rules.hold_at_the_end(self.jobs)

    def _open(self, *states: JobState) -> list[str]:
        wanted = states or tuple(state for state in JobState if state not in TERMINAL)
        with session():
            rows = JobRow.select(JobRow.id).where(JobRow.state.in_([s.value for s in wanted]))
            return sorted(row.id for row in rows)


def _patient(task: Callable[..., object]) -> Callable[..., None]:
    """As a worker runs it: a cluster that does not answer now is asked again later."""

    def run(*arguments: str) -> None:
        try:
            task(*arguments)
        except TemporaryFailure:
            return

    return run
