"""The in-memory cluster keeps the contract, and does what tests ask of it."""

import threading

import pytest

from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.launch import ReplicaPhase
from portal.ports import Cluster
from portal.testing import FakeCluster, RecordingListener, a_launch, a_node, eventually
from portal.testing.cluster_contract import ClusterContract


class TestFakeCluster(ClusterContract):
    real_commands = False
    supports_mounts = False

    @pytest.fixture
    def cluster(self) -> Cluster:
        return FakeCluster(auto=True)

    def tick(self, cluster: Cluster) -> None:
        assert isinstance(cluster, FakeCluster)
        cluster.advance(0.25)

    def lose(self, cluster: Cluster, ref: AttemptRef, replica: str) -> None:
        assert isinstance(cluster, FakeCluster)
        cluster.lose(ref, replica)


def test_nothing_happens_by_itself_without_auto() -> None:
    fake = FakeCluster()
    launch = a_launch("exit 3")
    fake.launch(launch)
    fake.advance(100)
    assert fake.observe(launch.ref).replicas[0].phase is ReplicaPhase.PENDING
    fake.run(launch.ref)
    assert fake.observe(launch.ref).replicas[0].phase is ReplicaPhase.RUNNING
    fake.say(launch.ref, "epoch 1")
    assert [line[-8:] for line in fake.logs(launch.ref, "worker-0")] == [b"epoch 1\n"]
    fake.finish(launch.ref, exit_code=7)
    assert fake.observe(launch.ref).replicas[0].exit_code == 7


def test_one_that_will_not_stop_is_killed_after_the_grace() -> None:
    fake = FakeCluster()
    fake.stops_at_once = False
    launch = a_launch()
    fake.launch(launch)
    fake.run(launch.ref)
    fake.stop(launch.ref, 10)
    fake.advance(9)
    assert fake.observe(launch.ref).replicas[0].stopping
    fake.advance(1)
    assert fake.observe(launch.ref).replicas[0].exit_code == 137


def test_refusals_are_for_one_launch_each() -> None:
    fake = FakeCluster()
    fake.refuse("bad spec")
    fake.refuse("busy", temporary=True)
    with pytest.raises(PermanentFailure, match="bad spec"):
        fake.launch(a_launch())
    with pytest.raises(TemporaryFailure, match="busy"):
        fake.launch(a_launch())
    fake.launch(a_launch())
    assert len(fake.launches) == 1


def test_images_nodes_and_objects_go_wrong() -> None:
    fake = FakeCluster([a_node("a"), a_node("b")])
    pulled, placed, lost, deleted = (a_launch(node="b") for _ in range(4))
    for launch in (pulled, placed, lost, deleted):
        fake.launch(launch)
    fake.fail_pull(pulled.ref, "no such image")
    fake.unplaced(placed.ref)
    fake.run(lost.ref)
    fake.vanish(deleted.ref)
    assert fake.observe(pulled.ref).replicas[0].code == "image_pull"
    assert fake.observe(placed.ref).replicas[0].code == "unschedulable"
    assert fake.observe(deleted.ref).gone
    fake.lose_node("b")
    assert fake.observe(lost.ref).replicas[0].phase is ReplicaPhase.LOST
    assert fake.observe(lost.ref).replicas[0].code == "node_lost"
    assert [node.ready for node in fake.nodes()] == [True, False]
    fake.set_nodes(a_node("c"))
    assert [node.name for node in fake.nodes()] == ["c"]


def test_an_unreachable_cluster_fails_and_the_watch_comes_back() -> None:
    fake = FakeCluster()
    listener, stop = RecordingListener(), threading.Event()
    thread = threading.Thread(target=fake.watch, args=(listener, stop))
    thread.start()
    try:
        eventually(lambda: listener.lists)
        fake.unreachable = True
        assert fake.unreachable
        with pytest.raises(TemporaryFailure):
            fake.ping()
        with pytest.raises(TemporaryFailure):
            fake.launch(a_launch())
        eventually(lambda: listener.breaks)
        fake.unreachable = False
        eventually(lambda: len(listener.lists) == 2)
        assert len(listener.breaks) == 1
    finally:
        stop.set()
        thread.join()
