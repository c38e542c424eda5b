"""What a cluster shows: nodes, replicas, changes, output."""

# ruff: noqa: D102 - the names of the tests say it

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.domain.errors import PermanentFailure
from portal.domain.launch import Launch, Observed, ReplicaPhase
from portal.ports import Cluster
from portal.testing.builders import a_ref
from portal.testing.cluster_contract_words import WAITS, ContractWords
from portal.testing.recording import RecordingListener


class ViewTests(ContractWords):
    """Nodes, observing and watching."""

    def test_it_answers(self, cluster: Cluster) -> None:
        cluster.ping()
        assert cluster.name

    def test_nodes_are_listed_by_name(self, cluster: Cluster) -> None:
        names = [node.name for node in cluster.nodes()]
        assert names == sorted(set(names))
        assert names

    def test_a_node_is_cordoned_and_let_in_again(self, cluster: Cluster) -> None:
        name = self.node(cluster)

        def cordoned() -> bool:
            return next(node.cordoned for node in cluster.nodes() if node.name == name)

        cluster.set_cordoned(name, True)
        try:
            cluster.set_cordoned(name, True)
            self.wait(cluster, cordoned, "the cordon")
        finally:
            cluster.set_cordoned(name, False)
        self.wait(cluster, lambda: not cordoned(), "the end of the cordon")

    def test_an_unknown_node_cannot_be_cordoned(self, cluster: Cluster) -> None:
        with pytest.raises(PermanentFailure):
            cluster.set_cordoned("no-such-node", True)

    def test_the_unknown_is_gone(self, cluster: Cluster) -> None:
        ref = a_ref()
        assert cluster.observe(ref) == Observed(ref)
        assert cluster.observe(ref).gone

    def test_all_attempts_are_observed(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        refs = {start(WAITS).ref, start("echo hello").ref}
        everything = cluster.observe_all()
        assert refs <= set(everything)
        assert all(everything[ref].ref == ref and everything[ref].replicas for ref in refs)

    def test_a_lost_replica_is_reported(
        self, cluster: Cluster, start: Callable[..., Launch], watching: RecordingListener
    ) -> None:
        ref = start(WAITS).ref
        self.until(cluster, ref, ReplicaPhase.RUNNING)
        self.until_said(cluster, ref, "ready")
        self.lose(cluster, ref, "worker-0")

        def lost(observed: Observed | None) -> bool:
            if observed is None:
                return False
            return not observed.replicas or all(
                r.phase is ReplicaPhase.LOST or r.stopping for r in observed.replicas
            )

        self.wait(cluster, lambda: lost(cluster.observe(ref)), "the loss to be observed")
        self.wait(cluster, lambda: lost(watching.latest(ref)), "the watch to tell of the loss")
        cluster.remove(ref, force=True)
        self.wait(cluster, lambda: cluster.observe(ref).gone, "the lost one to be gone")

    def test_the_watch_begins_with_everything(
        self, cluster: Cluster, start: Callable[..., Launch], request: pytest.FixtureRequest
    ) -> None:
        ref = start(WAITS).ref
        self.until(cluster, ref, ReplicaPhase.RUNNING)
        watching: RecordingListener = request.getfixturevalue("watching")
        assert watching.calls[:2] == ["nodes_changed", "listed"]
        assert [node.name for node in watching.nodes] == [n.name for n in cluster.nodes()]
        assert watching.lists[0][ref].replicas[0].phase is ReplicaPhase.RUNNING

    def test_the_watch_tells_of_changes(
        self, cluster: Cluster, start: Callable[..., Launch], watching: RecordingListener
    ) -> None:
        ref = start("echo hello; exit 3").ref

        def failed() -> bool:
            seen = watching.latest(ref)
            return bool(seen and seen.replicas and seen.replicas[0].exit_code == 3)

        self.wait(cluster, failed, "the watch to tell of the end")

        def gone() -> bool:
            seen = watching.latest(ref)
            return bool(seen and seen.gone)

        phases = watching.phases(ref)
        order = [ReplicaPhase.PENDING, ReplicaPhase.RUNNING, ReplicaPhase.FAILED]
        assert phases == [phase for phase in order if phase in phases]
        cluster.remove(ref)
        self.wait(cluster, gone, "the watch to tell it is gone")

    def test_the_watch_tells_of_cordons(
        self, cluster: Cluster, watching: RecordingListener
    ) -> None:
        name = self.node(cluster)

        def seen(cordoned: bool) -> Callable[[], bool]:
            return lambda: any(n.name == name and n.cordoned is cordoned for n in watching.nodes)

        cluster.set_cordoned(name, True)
        try:
            self.wait(cluster, seen(True), "the watch to tell of the cordon")
        finally:
            cluster.set_cordoned(name, False)
        self.wait(cluster, seen(False), "the watch to tell of its end")
