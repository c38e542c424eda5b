"""Every state meets every trigger."""

from __future__ import annotations

import pytest

from portal.domain.job_state import (
    ACTIVE,
    HOLDING,
    STOPPING,
    TERMINAL,
    TRANSITIONS,
    IllegalTransition,
    JobState,
    Trigger,
    allows,
    mermaid,
    next_state,
)

EXPECTED = {
    "queued": {
        "admit": "scheduling",
        "pause": "pausing",
        "kill": "killing",
        "platform_failed": "error",
    },
    "scheduling": {
        "started": "running",
        "platform_failed": "error",
        "requeue": "preempting",
        "pause": "pausing",
        "kill": "killing",
    },
    "running": {
        "succeeded": "finished",
        "command_failed": "failed",
        "platform_failed": "error",
        "requeue": "preempting",
        "pause": "pausing",
        "kill": "killing",
    },
    "preempting": {"succeeded": "finished", "stopped": "queued", "kill": "killing"},
    "pausing": {"succeeded": "finished", "stopped": "paused", "kill": "killing"},
    "paused": {"resume": "queued", "kill": "killing"},
    "killing": {"stopped": "killed"},
    "killed": {},
    "finished": {},
    "failed": {},
    "error": {},
}
"""The life cycle once more, as the documents tell it."""


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("state", JobState)
def test_every_state_and_trigger(state: JobState, trigger: Trigger) -> None:
    expected = EXPECTED[state.value].get(trigger.value)
    assert allows(state, trigger) == (expected is not None)
    if expected is not None:
        assert next_state(state, trigger) == expected
        return
    with pytest.raises(IllegalTransition) as caught:
        next_state(state, trigger)
    assert (caught.value.state, caught.value.trigger) == (state, trigger)
    assert str(caught.value) == f"a job that is {state} cannot take {trigger}"


def test_nothing_leaves_a_terminal_state_and_everything_else_can_be_left() -> None:
    left = {state for state, _ in TRANSITIONS}
    assert left.isdisjoint(TERMINAL)
    assert left | TERMINAL == set(JobState)


def test_every_job_that_has_not_ended_can_be_killed() -> None:
    for state in set(JobState) - TERMINAL - {JobState.KILLING}:
        assert next_state(state, Trigger.KILL) is JobState.KILLING


def test_every_state_can_be_reached_from_queued() -> None:
    reached = {JobState.QUEUED}
    while True:
        more = {end for (start, _), end in TRANSITIONS.items() if start in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(JobState)


def test_what_is_stopping_holds_its_devices_and_leaves_by_being_stopped() -> None:
    assert STOPPING <= HOLDING <= set(ACTIVE)
    for state in JobState:
        assert allows(state, Trigger.STOPPED) == (state in STOPPING)


def test_a_job_that_holds_devices_keeps_its_virtual_cluster_busy() -> None:
    assert HOLDING.isdisjoint(TERMINAL | {JobState.QUEUED, JobState.PAUSED})


def test_the_diagram_has_every_transition_and_every_end() -> None:
    lines = mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> queued"]
    for (start, trigger), end in TRANSITIONS.items():
        assert f"    {start} --> {end}: {trigger}" in lines
    assert {line for line in lines if line.endswith("[*]")} == {
        f"    {state} --> [*]" for state in TERMINAL
    }
    assert len(lines) == 2 + len(TRANSITIONS) + len(TERMINAL)
