"""Parts of the cluster fail while jobs run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from portal.adapters.kubernetes.cluster import KubernetesCluster
from portal.domain.errors import TemporaryFailure
from portal.domain.launch import Launch, Observed, ReplicaPhase, ReplicaStatus
from portal.testing.recording import RecordingListener
from portal.testing.waiting import eventually

from .conftest import DEADLINE_S, Rig

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

Start = Callable[..., Launch]
Until = Callable[..., ReplicaStatus]


@pytest.fixture
def mended(rig: Rig) -> Iterator[Rig]:
    """The rig; whatever the test broke is whole again afterwards."""
    yield rig
    rig.kube("resume", "apiserver")
    rig.kube("start", "apiserver", "kubelet")
    eventually(lambda: "NotReady" not in rig.kube("kubectl", "get", "nodes"), DEADLINE_S)


def lost(seen: Observed | None) -> bool:
    return bool(
        seen
        and seen.replicas
        and all((r.phase, r.code) == (ReplicaPhase.LOST, "node_lost") for r in seen.replicas)
    )


def test_a_lost_node(
    cluster: KubernetesCluster,
    mended: Rig,
    start: Start,
    until: Until,
    watching: RecordingListener,
    node: str,
) -> None:
    ref = start().ref
    until(ref, ReplicaPhase.RUNNING)
    mended.kube("stop", "--kill", "kubelet")
    eventually(lambda: lost(cluster.observe(ref)), DEADLINE_S, what="the loss to be observed")
    eventually(lambda: lost(watching.latest(ref)), 10, what="the watch to tell of the loss")
    assert not next(n for n in watching.nodes if n.name == node).ready
    assert not next(n for n in cluster.nodes() if n.name == node).ready
    assert list(cluster.logs(ref, "worker-0")) == [], "its logs are lost, which is no failure"
    cluster.remove(ref, force=True)
    assert cluster.observe(ref).gone

    def gone() -> bool:
        seen = watching.latest(ref)
        return seen is not None and seen.gone

    eventually(gone, 10, what="the watch to tell of the end")
    mended.kube("start", "kubelet")

    def ready() -> bool:
        return any(n.name == node and n.ready for n in watching.nodes)

    eventually(ready, DEADLINE_S, what="the watch to tell that the node is back")
    again = start("echo hello").ref
    until(again, ReplicaPhase.SUCCEEDED)


def test_the_api_server_restarts(
    cluster: KubernetesCluster,
    mended: Rig,
    start: Start,
    until: Until,
    watching: RecordingListener,
) -> None:
    ref = start("echo ready; sleep 4; exit 3").ref
    until(ref, ReplicaPhase.RUNNING)
    lists = len(watching.lists)
    mended.kube("stop", "apiserver")
    eventually(lambda: watching.breaks, DEADLINE_S, what="the break to be told")
    with pytest.raises(TemporaryFailure):
        cluster.observe(ref)
    time.sleep(4)  # the command ends while nobody can see it
    mended.kube("start", "apiserver")
    eventually(lambda: len(watching.lists) > lists, DEADLINE_S, what="a new list")
    assert len(watching.breaks) == 1, watching.breaks

    def failed() -> bool:
        seen = watching.latest(ref)
        return bool(seen and seen.replicas and seen.replicas[0].exit_code == 3)

    eventually(failed, DEADLINE_S, what="the watch to tell of the end")
    later = start("echo hello").ref
    eventually(lambda: watching.latest(later), DEADLINE_S, what="the watch to go on")


def test_an_api_server_that_does_not_answer(
    cluster: KubernetesCluster,
    mended: Rig,
    start: Start,
    until: Until,
    watching: RecordingListener,
) -> None:
    ref = start().ref
    until(ref, ReplicaPhase.RUNNING)
    lists = len(watching.lists)
    mended.kube("pause", "apiserver")
    began = time.monotonic()
    with pytest.raises(TemporaryFailure, match="does not answer"):
        cluster.ping()
    assert time.monotonic() - began < 20
    eventually(lambda: watching.breaks, DEADLINE_S, what="the silence to be told")
    mended.kube("resume", "apiserver")
    eventually(lambda: len(watching.lists) > lists, DEADLINE_S, what="a new list")
    assert len(watching.breaks) == 1, watching.breaks
    assert watching.lists[-1][ref].replicas[0].phase is ReplicaPhase.RUNNING


def test_a_pod_deleted_behind_our_back(
    cluster: KubernetesCluster,
    rig: Rig,
    namespace: str,
    start: Start,
    until: Until,
    watching: RecordingListener,
) -> None:
    ref = start("trap 'exit 0' TERM; sleep 600 & echo ready; wait").ref
    until(ref, ReplicaPhase.RUNNING)
    rig.kube("kubectl", "delete", "pod", "-n", namespace, "-l", f"aoli/job={ref.job_id}")

    def gone() -> bool:
        seen = watching.latest(ref)
        return seen is not None and seen.gone

    eventually(gone, DEADLINE_S, what="the watch to tell of the loss")
    assert ReplicaPhase.SUCCEEDED not in watching.phases(ref), "it was not its own end"
