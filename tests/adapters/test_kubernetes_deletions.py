"""What the watch tells of a pod while it is being deleted, event by event.

Older API servers keep the moment of the request when a grace is cut short; newer ones move
the end of the grace to the present. The node cuts it to 0 as soon as the containers have
ended, just before the pod goes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.adapters.kubernetes.observe import replica_status
from portal.adapters.kubernetes.scope import Scope
from portal.adapters.kubernetes.watch_state import WatchState
from portal.domain.job import AttemptRef
from portal.domain.launch import ReplicaPhase, ReplicaStatus

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
REF = AttemptRef("job1", 2)
RUNNING, SUCCEEDED, FAILED, LOST = (
    ReplicaPhase.RUNNING,
    ReplicaPhase.SUCCEEDED,
    ReplicaPhase.FAILED,
    ReplicaPhase.LOST,
)
DISRUPTED = {"type": "DisruptionTarget", "status": "True", "message": "drained"}


def at(second: int) -> str:
    return f"{NOON + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}"


def a_pod(
    due: int | None = None,
    grace: int = 0,
    ended: tuple[int, int] | None = None,
    uid: str = "one",
    **status: Any,
) -> dict[str, Any]:
    """``due``, ``grace``: its deletion. ``ended``: exit code, and second of the end."""
    state: dict[str, Any] = {"running": {"startedAt": at(0)}}
    phase = "Running"
    if ended is not None:
        phase = "Failed" if ended[0] else "Succeeded"
        end = {"exitCode": ended[0], "startedAt": at(0), "finishedAt": at(ended[1])}
        state = {"terminated": end}
    deletion: dict[str, Any] = {}
    if due is not None:
        deletion = {"deletionTimestamp": at(due), "deletionGracePeriodSeconds": grace}
    return {
        "metadata": {
            "name": "aoli-job1-2-main",
            "uid": uid,
            "labels": {"aoli/job": "job1", "aoli/attempt": "2", "aoli/replica": "main"},
            **deletion,
        },
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": phase,
            "containerStatuses": [{"name": "replica", "state": state}],
            **status,
        },
    }


def a_state() -> WatchState:
    return WatchState(Scope(namespace="jobs", instance="aoli"))


def told(state: WatchState) -> ReplicaStatus:
    seen = state.observed(REF, NOON)
    assert seen is not None
    (status,) = seen.replicas
    return status


SEQUENCES: dict[str, tuple[list[dict[str, Any]], list[tuple[ReplicaPhase, bool]]]] = {
    "new server: deleted, saves, exits with 0": (
        [a_pod(), a_pod(53, 30), a_pod(53, 30, (0, 23)), a_pod(24, 0, (0, 23))],
        [(RUNNING, False), (RUNNING, True), (RUNNING, True), (RUNNING, True)],
    ),
    "old server: deleted, saves, exits with 0": (
        [a_pod(), a_pod(53, 30), a_pod(53, 30, (0, 23)), a_pod(23, 0, (0, 23))],
        [(RUNNING, False), (RUNNING, True), (RUNNING, True), (RUNNING, True)],
    ),
    "new server: the end and the last deletion come as one": (
        [a_pod(53, 30), a_pod(31, 0, (0, 30))],
        [(RUNNING, True), (RUNNING, True)],
    ),
    "new server: the grace was cut short by hand meanwhile": (
        [a_pod(53, 30), a_pod(41, 1), a_pod(41, 1, (0, 25)), a_pod(42, 0, (0, 25))],
        [(RUNNING, True), (RUNNING, True), (RUNNING, True), (RUNNING, True)],
    ),
    "old server: the grace was cut short by hand meanwhile": (
        [a_pod(53, 30), a_pod(24, 1), a_pod(24, 1, (0, 25)), a_pod(23, 0, (0, 25))],
        [(RUNNING, True), (RUNNING, True), (RUNNING, True), (RUNNING, True)],
    ),
    "new server: had ended before it was deleted": (
        [a_pod(53, 30), a_pod(53, 30, (0, 22)), a_pod(24, 0, (0, 22))],
        [(RUNNING, True), (SUCCEEDED, False), (SUCCEEDED, False)],
    ),
    "old server: had ended before it was deleted": (
        [a_pod(53, 30), a_pod(53, 30, (0, 22)), a_pod(23, 0, (0, 22))],
        [(RUNNING, True), (SUCCEEDED, False), (SUCCEEDED, False)],
    ),
    "had failed before it was deleted": (
        [a_pod(53, 30), a_pod(24, 0, (3, 22))],
        [(RUNNING, True), (FAILED, False)],
    ),
    "drained: the condition says so": (
        [a_pod(53, 30, conditions=[DISRUPTED]), a_pod(24, 0, (0, 22), conditions=[DISRUPTED])],
        [(RUNNING, True), (LOST, False)],
    ),
    "first seen at its last moment (a restart): in doubt it was told to end": (
        [a_pod(24, 0, (0, 23))],
        [(RUNNING, True)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("sentence", SEQUENCES)
def test_event_by_event(sentence: str) -> None:
    events, expected = SEQUENCES[sentence]
    state = a_state()
    heard = []
    for event in events:
        state.change("pods", event, False)
        status = told(state)
        heard.append((status.phase, status.signalled))
    assert heard == expected


@pytest.mark.parametrize("sentence", SEQUENCES)
def test_who_looks_only_at_the_last_moment_never_takes_a_saved_job_for_a_done_one(
    sentence: str,
) -> None:
    events, expected = SEQUENCES[sentence]
    phase, signalled = expected[-1]
    status = replica_status(events[-1])
    assert status.phase is not SUCCEEDED
    if signalled:
        assert (status.phase, status.signalled) in ((phase, True), (LOST, True))


def test_the_first_deletion_survives_a_new_list() -> None:
    state = a_state()
    state.replace("pods", [a_pod(53, 30)])
    state.replace("pods", [a_pod(24, 0, (0, 23))])
    assert told(state).phase is RUNNING
    state.replace("pods", [a_pod(24, 0, (0, 22))])
    assert told(state).phase is SUCCEEDED


def test_a_later_pod_of_the_name_does_not_inherit_a_deletion() -> None:
    state = a_state()
    state.change("pods", a_pod(13, 10), False)
    state.change("pods", a_pod(13, 0), True)
    state.change("pods", a_pod(uid="two"), False)
    state.change("pods", a_pod(53, 30, (0, 22), uid="two"), False)
    assert told(state).phase is SUCCEEDED
