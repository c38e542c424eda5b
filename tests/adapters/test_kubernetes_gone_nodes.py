"""What the watch remembers of nodes that have gone: as long as it matters, and no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.adapters.kubernetes.node_view import DeviceRule
from portal.adapters.kubernetes.scope import Scope
from portal.adapters.kubernetes.watch_state import WatchState
from portal.domain.job import AttemptRef
from portal.domain.launch import ReplicaPhase

REF = AttemptRef("job1", 1)
RULES = (DeviceRule("gpu", "nvidia.com/gpu"),)


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def a_node(name: str = "node-1") -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-02T12:00:00Z"}
    return {"metadata": {"name": name}, "spec": {}, "status": {"conditions": [ready]}}


def a_pod(node: str = "node-1", name: str = "main") -> dict[str, Any]:
    state = {"running": {"startedAt": "2026-11-02T12:00:00Z"}}
    return {
        "metadata": {
            "name": f"aoli-job1-1-{name}",
            "uid": name,
            "labels": {"aoli/job": "job1", "aoli/attempt": "1", "aoli/replica": name},
        },
        "spec": {"nodeName": node},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "replica", "state": state}],
        },
    }


def theirs(node: str) -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": "2"}}
    return {
        "metadata": {"name": "x", "uid": f"theirs-{node}"},
        "spec": {"nodeName": node, "containers": [{"resources": limits}]},
    }


@pytest.fixture
def state() -> WatchState:
    state = WatchState(Scope(namespace="jobs", instance="aoli", rules=RULES))
    state.change("nodes", a_node(), False)
    state.change("pods", a_pod(), False)
    state.take_dirty(later(0))
    return state


def phase(state: WatchState, seconds: float) -> ReplicaPhase:
    seen = state.observed(REF, later(seconds))
    assert seen is not None
    return seen.replicas[0].phase


def test_a_loss_is_told_once_and_not_at_each_tick(state: WatchState) -> None:
    state.change("nodes", a_node(), True)
    assert state.take_dirty(later(10)) == set()
    assert state.take_dirty(later(31)) == {REF}
    assert phase(state, 31) is ReplicaPhase.LOST
    assert [state.take_dirty(later(32 + tick)) for tick in range(3)] == [set()] * 3


def test_who_is_silent_again_is_lost_again(state: WatchState) -> None:
    state.change("nodes", a_node(), True)
    assert state.take_dirty(later(31)) == {REF}
    state.change("nodes", a_node(), False)
    assert state.take_dirty(later(32)) == set()
    assert phase(state, 32) is ReplicaPhase.RUNNING
    state.change("nodes", a_node(), True)
    assert state.take_dirty(later(63)) == {REF}


@pytest.mark.parametrize("how", ["deleted", "listed anew"])
def test_a_node_is_forgotten_with_the_last_pod_that_names_it(state: WatchState, how: str) -> None:
    state.change("pods", a_pod(name="other"), False)
    state.change("nodes", a_node(), True)
    state.take_dirty(later(31))
    if how == "deleted":
        state.change("pods", a_pod(), True)
        assert state._health.keys() == {"node-1"}, "another pod names it"
        assert phase(state, 31) is ReplicaPhase.LOST
        state.change("pods", a_pod(name="other"), True)
    else:
        state.replace("pods", [])
    assert not state._health


def test_nodes_that_come_and_go_leave_nothing_behind(state: WatchState) -> None:
    """As with an autoscaler: a thousand nodes a day, none of them with anything of ours."""
    for number in range(1000):
        name = f"spot-{number}"
        state.change("nodes", a_node(name), False)
        state.change("foreign", theirs(name), False)
        state.change("foreign", theirs(name), True)
        state.change("nodes", a_node(name), True)
    # For a moment only: the pod that tells of one of them may come after the node's end.
    assert len(state._health) == 1001
    state.take_dirty(later(31))
    assert state._health.keys() == {"node-1"}
    assert not state._held
    assert [node.name for node in state.nodes()] == ["node-1"]
