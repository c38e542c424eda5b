"""What is done to a pod that is to end, so that its devices are not given away too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.adapters.kubernetes.ending import FORGET, WAIT, Ending, removal, stop
from portal.adapters.kubernetes.observe import NodeHealth

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
READY, SILENT = NodeHealth(True, NOON), NodeHealth(False, NOON)
KILL = Ending(kill=True)
RUNNING = {"running": {"startedAt": "2026-11-02T12:00:00Z"}}
ENDED = {"terminated": {"exitCode": 0, "finishedAt": "2026-11-02T12:00:00Z"}}
CREATING, NO_IMAGE = (
    {"waiting": {"reason": "ContainerCreating"}},
    {"waiting": {"reason": "ImagePullBackOff"}},
)


def a_pod(
    state: dict[str, Any] | None = None,
    phase: str = "Running",
    *,
    due_in: int | None = None,
    node: str = "node-1",
    **spec: Any,
) -> dict[str, Any]:
    """``due_in``: its grace ends so many seconds from now."""
    deletion = {}
    if due_in is not None:
        deletion["deletionTimestamp"] = (NOON + timedelta(seconds=due_in)).isoformat()
    containers = [{"name": "replica", "state": state}] if state else []
    return {
        "metadata": {"name": "main", **deletion},
        "spec": {"nodeName": node, **spec} if node else spec,
        "status": {"phase": phase, "containerStatuses": containers},
    }


STOPS: dict[str, tuple[dict[str, Any], Ending]] = {
    "one that runs gets its grace": (a_pod(RUNNING), Ending(600)),
    "one that runs and was stopped before gets the new grace, if its node obeys": (
        a_pod(RUNNING, due_in=3600),
        Ending(600),
    ),
    "one that has ended stays and tells how": (a_pod(ENDED, "Succeeded"), WAIT),
    "one that no node has is forgotten": (a_pod(phase="Pending", node=""), FORGET),
    "one that has no image is forgotten": (a_pod(NO_IMAGE, "Pending"), FORGET),
    "one that is about to start is waited for": (a_pod(CREATING, "Pending"), Ending(1)),
}


@pytest.mark.parametrize("sentence", STOPS)
def test_stop(sentence: str) -> None:
    pod, expected = STOPS[sentence]
    assert stop(pod, 600) == expected


def test_a_grace_of_nothing_still_waits_for_the_node() -> None:
    assert stop(a_pod(RUNNING), 0) == Ending(1)


REMOVALS: dict[str, tuple[dict[str, Any], Ending, Ending]] = {
    # the pod; removed; removed by force
    "one that runs": (a_pod(RUNNING), Ending(5), Ending(1)),
    "one that was promised an hour": (a_pod(RUNNING, due_in=3600), WAIT, Ending(1, kill=True)),
    "one whose grace is just ending": (a_pod(RUNNING, due_in=1), WAIT, KILL),
    "one that should have ended long ago": (a_pod(RUNNING, due_in=-3600), WAIT, KILL),
    "one that sees its node's processes": (
        a_pod(RUNNING, due_in=-3600, hostPID=True),
        WAIT,
        WAIT,
    ),
    "one that has ended": (a_pod(ENDED, "Succeeded"), FORGET, FORGET),
    "one whose container has just ended": (a_pod(ENDED, due_in=0), WAIT, WAIT),
    "one whose node forgets to tidy up": (a_pod(ENDED, due_in=-11), FORGET, FORGET),
    "one that no node has": (a_pod(phase="Pending", node=""), FORGET, FORGET),
    "one that has no image": (a_pod(NO_IMAGE, "Pending", due_in=600), FORGET, FORGET),
    "one that is about to start": (a_pod(CREATING, "Pending"), Ending(1), Ending(1)),
    "one that was about to start": (a_pod(CREATING, "Pending", due_in=0), WAIT, WAIT),
    "one that never came to start": (a_pod(CREATING, "Pending", due_in=-11), FORGET, FORGET),
}


@pytest.mark.parametrize("sentence", REMOVALS)
def test_removal_from_a_node_that_answers(sentence: str) -> None:
    pod, expected, forced = REMOVALS[sentence]
    nodes = {"node-1": READY}
    assert removal(pod, nodes, NOON, force=False, node_lost_after_s=30) == expected
    assert removal(pod, nodes, NOON, force=True, node_lost_after_s=30) == forced


@pytest.mark.parametrize(
    ("silent_s", "force", "expected"),
    [(29, False, WAIT), (30, False, FORGET), (0, True, FORGET)],
)
def test_removal_from_a_node_that_does_not_answer(
    silent_s: int, force: bool, expected: Ending
) -> None:
    pod, now = a_pod(RUNNING, due_in=3600), NOON + timedelta(seconds=silent_s)
    assert removal(pod, {"node-1": SILENT}, now, force=force, node_lost_after_s=30) == expected
