"""From a pod's JSON to what the portal says of the replica."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.adapters.kubernetes.observe import (
    NodeHealth,
    has_ended,
    has_said_all,
    has_started,
    observed_attempts,
    replica_status,
)
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase, ReplicaStatus

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
PENDING, RUNNING, SUCCEEDED, FAILED, LOST = ReplicaPhase


def at(seconds: int) -> str:
    return f"{NOON + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def a_pod(
    phase: str = "Pending",
    state: dict[str, Any] | None = None,
    *,
    name: str = "worker-0",
    rank: int = 0,
    node: str = "node-1",
    metadata: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    containers = [{"name": "replica", "state": state}] if state else []
    return {
        "metadata": {
            "name": f"aoli-job1-2-{name}",
            "labels": {"aoli/job": "job1", "aoli/attempt": "2", "aoli/replica": name},
            "annotations": {"aoli/replica-name": name, "aoli/rank": str(rank)},
            **(metadata or {}),
        },
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": phase, "containerStatuses": containers, **status},
    }


def running() -> dict[str, Any]:
    return {"running": {"startedAt": at(0)}}


def ended(exit_code: int, reason: str = "Error", finished: int = 9, **more: Any) -> dict[str, Any]:
    times = {"startedAt": at(0), "finishedAt": at(finished)}
    return {"terminated": {"exitCode": exit_code, "reason": reason, **times, **more}}


def waiting(reason: str, message: str = "because") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def deleted(asked: int, grace: int) -> dict[str, Any]:
    return {"deletionTimestamp": at(asked + grace), "deletionGracePeriodSeconds": grace}


def seen(status: ReplicaStatus) -> tuple[Any, ...]:
    return (status.phase, status.exit_code, status.code, status.detail)


def condition(kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def test_a_running_replica() -> None:
    assert replica_status(a_pod("Running", running(), podIP="10.1.2.3")) == ReplicaStatus(
        name="worker-0",
        phase=RUNNING,
        node="node-1",
        address="10.1.2.3",
        started_at=NOON,
    )


def test_an_ended_replica() -> None:
    assert replica_status(a_pod("Failed", ended(3))) == ReplicaStatus(
        name="worker-0",
        phase=FAILED,
        node="node-1",
        exit_code=3,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=9),
    )


UNSCHEDULABLE = condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")
DISRUPTED = condition("DisruptionTarget", "True", "PreemptionByScheduler", "preempted by x")


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        # not yet
        (a_pod(node=""), (PENDING, None, None, "")),
        (a_pod(node="", conditions=[UNSCHEDULABLE]),
         (PENDING, None, "unschedulable", "0/3 nodes are available")),
        (a_pod(state=waiting("ContainerCreating", "")), (PENDING, None, None, "ContainerCreating")),
        (a_pod(state=waiting("ErrImagePull", "no such tag")),
         (PENDING, None, "image_pull", "no such tag")),
        (a_pod(state=waiting("ImagePullBackOff", "Back-off")),
         (PENDING, None, "image_pull", "Back-off")),
        (a_pod(state=waiting("InvalidImageName", "")),
         (PENDING, None, "image_pull", "InvalidImageName")),
        (a_pod(state=waiting("CreateContainerConfigError")),
         (PENDING, None, "start_error", "because")),
        (a_pod(state=waiting("CreateContainerError")), (PENDING, None, "start_error", "because")),
        (a_pod(state=waiting("RunContainerError")), (PENDING, None, "start_error", "because")),
        # ended by itself
        (a_pod("Succeeded", ended(0, "Completed")), (SUCCEEDED, 0, None, "")),
        (a_pod("Succeeded"), (SUCCEEDED, 0, None, "")),
        (a_pod("Running", ended(0, "Completed")), (SUCCEEDED, 0, None, "")),
        (a_pod("Failed", ended(137, "OOMKilled")), (FAILED, 137, "out_of_memory", "")),
        (a_pod("Failed", ended(128, "StartError", message="no /bin/sh")),
         (FAILED, None, "start_error", "no /bin/sh")),
        (a_pod("Failed", ended(127, "ContainerCannotRun", message="no /bin/sh")),
         (FAILED, None, "start_error", "no /bin/sh")),
        # ended by the platform
        (a_pod("Failed", ended(137), reason="Evicted", message="low on memory"),
         (LOST, 137, "replica_lost", "Evicted: low on memory")),
        (a_pod("Failed", reason="Evicted", message="low on memory"),
         (LOST, None, "replica_lost", "Evicted: low on memory")),
        (a_pod("Failed", reason="UnexpectedAdmissionError", message="no device"),
         (LOST, None, "replica_lost", "UnexpectedAdmissionError: no device")),
        (a_pod("Failed", reason="NodeShutdown"), (LOST, None, "replica_lost", "NodeShutdown")),
        (a_pod("Failed", ended(143), reason="Terminated", message="node shutdown"),
         (LOST, 143, "replica_lost", "Terminated: node shutdown")),
        (a_pod("Failed", ended(143), conditions=[DISRUPTED]),
         (LOST, 143, "replica_lost", "preempted by x")),
        (a_pod("Failed", ended(137, "ContainerStatusUnknown", message="not located")),
         (LOST, 137, "replica_lost", "not located")),
        (a_pod("Failed", ended(255, "Unknown")),
         (LOST, 255, "replica_lost", "its end was not seen")),
        (a_pod("Failed"), (LOST, None, "replica_lost", "the pod failed without a word")),
        (a_pod("Unknown", running()), (LOST, None, "node_lost", "node node-1 does not answer")),
        (a_pod("Running", running(), reason="NodeLost", message="Node is unresponsive"),
         (LOST, None, "node_lost", "Node is unresponsive")),
    ],
)  # fmt: skip
def test_what_pods_say(pod: dict[str, Any], expected: tuple[Any, ...]) -> None:
    status = replica_status(pod)
    assert seen(status) == expected
    assert not status.stopping


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        # told to end, and not yet gone: its exit code says nothing
        (a_pod("Running", running(), metadata=deleted(5, 30)), (RUNNING, None, None, "")),
        (a_pod("Running", ended(143), metadata=deleted(5, 30)), (RUNNING, None, None, "")),
        (a_pod("Succeeded", ended(0, "Completed"), metadata=deleted(5, 30)),
         (RUNNING, None, None, "")),
        (a_pod("Failed", ended(137), metadata=deleted(9, 0)), (RUNNING, None, None, "")),
        (a_pod(state=waiting("ErrImagePull"), metadata=deleted(5, 30)), (PENDING, None, None, "")),
        (a_pod("Running", running(), metadata=deleted(5, 30), conditions=[DISRUPTED]),
         (RUNNING, None, None, "preempted by x")),
        # had ended before somebody tidied up
        (a_pod("Failed", ended(3, finished=4), metadata=deleted(5, 30)), (FAILED, 3, None, "")),
        (a_pod("Succeeded", ended(0, finished=4), metadata=deleted(5, 30)),
         (SUCCEEDED, 0, None, "")),
    ],
)  # fmt: skip
def test_what_deleted_pods_say(pod: dict[str, Any], expected: tuple[Any, ...]) -> None:
    status = replica_status(pod)
    assert seen(status) == expected
    assert status.stopping


@pytest.mark.parametrize(
    ("pod", "phase"),
    [
        (a_pod("Running", running()), LOST),
        (a_pod(state=waiting("ContainerCreating")), LOST),
        (a_pod("Running", running(), metadata=deleted(5, 30)), LOST),
        (a_pod("Succeeded", ended(0, "Completed")), SUCCEEDED),
        (a_pod("Failed", ended(3)), FAILED),
    ],
)
def test_what_a_lost_node_means(pod: dict[str, Any], phase: ReplicaPhase) -> None:
    assert replica_status(pod, node_lost=True).phase is phase


def test_a_container_put_beside_ours_does_not_speak_for_it() -> None:
    pod = a_pod("Running", ended(3))
    pod["status"]["containerStatuses"].insert(0, {"name": "proxy", "state": running()})
    assert seen(replica_status(pod)) == (FAILED, 3, None, "")


def test_a_start_at_the_beginning_of_time_is_none() -> None:
    never = {
        "terminated": {
            "exitCode": 128,
            "reason": "StartError",
            "startedAt": "1970-01-01T00:00:00Z",
            "finishedAt": at(1),
        }
    }
    assert replica_status(a_pod("Failed", never)).started_at is None


def test_a_node_is_lost_after_its_time() -> None:
    silent = NodeHealth(False, NOON)
    assert not silent.lost(NOON + timedelta(seconds=29), 30)
    assert silent.lost(NOON + timedelta(seconds=30), 30)
    assert not NodeHealth(True, NOON).lost(NOON + timedelta(days=1), 30)


def test_attempts_are_told_apart_and_replicas_are_in_order() -> None:
    ref = AttemptRef("job1", 2)
    pods = [a_pod("Running", running(), name=f"worker-{i}", rank=i) for i in (10, 2, 0)]
    stranger = a_pod("Running", running())
    stranger["metadata"]["labels"]["aoli/attempt"] = "later"
    found = observed_attempts([*pods, stranger], {}, NOON, 30)
    assert list(found) == [ref]
    assert [replica.name for replica in found[ref].replicas] == [
        "worker-0",
        "worker-2",
        "worker-10",
    ]


def test_a_silent_node_takes_its_replicas_with_it() -> None:
    health = {"node-1": NodeHealth(False, NOON)}
    pods = [a_pod("Running", running())]
    ref = AttemptRef("job1", 2)
    before = observed_attempts(pods, health, NOON + timedelta(seconds=29), 30)[ref]
    after = observed_attempts(pods, health, NOON + timedelta(seconds=31), 30)[ref]
    assert isinstance(before, Observed)
    assert (before.replicas[0].phase, after.replicas[0].phase) == (RUNNING, LOST)


def test_started_and_ended() -> None:
    assert not has_started(a_pod(state=waiting("ErrImagePull")))
    assert not has_started(a_pod())
    assert has_started(a_pod("Running", running()))
    assert has_started(a_pod("Failed", ended(1)))
    assert has_ended(a_pod("Failed"))
    assert not has_ended(a_pod("Running", ended(1)))


def test_what_the_device_plugin_notes_is_handed_on_where_it_is_wanted() -> None:
    notes = {"example.com/given": "0,1", "example.com/other": "x"}
    pod = a_pod("Running", running(), metadata={"annotations": notes})
    seen = observed_attempts([pod], {}, NOON, 30, {"example.com/given", "example.com/none"})
    (status,) = seen[AttemptRef("job1", 2)].replicas
    assert status.notes == {"example.com/given": "0,1"}
    assert replica_status(pod).notes == {}


def test_who_only_serves_is_told_by_an_annotation() -> None:
    assert replica_status(a_pod(metadata={"annotations": {"aoli/serves": "true"}})).serves
    assert not replica_status(a_pod()).serves


def test_all_is_said_when_the_container_has_ended() -> None:
    """Also in a pod that is being deleted, whose phase may never say so."""
    assert has_said_all(a_pod("Running", ended(0)))
    assert has_said_all(a_pod("Failed"))
    assert not has_said_all(a_pod("Running", running()))
