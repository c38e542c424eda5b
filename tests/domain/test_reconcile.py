"""What follows from what is seen: one sentence, one case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.job import MAX_PLATFORM_RETRIES, Job
from portal.domain.job_state import TRANSITIONS, JobState, Trigger
from portal.domain.launch import Observed, ReplicaPhase, ReplicaStatus
from portal.domain.reconcile import (
    FORCE_AFTER_S,
    Clear,
    Limits,
    Move,
    Release,
    Start,
    Stop,
    reconcile,
)
from portal.domain.resources import Slot
from portal.testing.builders import NOON, a_job, a_spec

LIMITS = Limits(unschedulable_after_s=60)
LATER = NOON + timedelta(seconds=30)
P = ReplicaPhase


def job(state: JobState, **fields: Any) -> Job:
    given: dict[str, Any] = {
        "placement": (Slot("n1"),),
        "admitted_at": NOON,
        "launched_at": NOON,
        "released": False,
    }
    return a_job(state, **{**given, **fields})


def seen(job: Job, *replicas: ReplicaStatus, objects: bool = False) -> Observed:
    return Observed(job.ref, replicas, objects)


def one(phase: ReplicaPhase, **fields: Any) -> ReplicaStatus:
    return ReplicaStatus("main", phase, **fields)


def triggers(actions: tuple[Any, ...]) -> list[Any]:
    return [a.trigger if isinstance(a, Move) else type(a) for a in actions]


S, R = JobState.SCHEDULING, JobState.RUNNING
CASES: dict[str, tuple[JobState, list[ReplicaStatus], list[Any]]] = {
    "a pending replica changes nothing": (S, [one(P.PENDING)], []),
    "a running replica starts the job": (S, [one(P.RUNNING)], [Trigger.STARTED]),
    "a running job that runs goes on": (R, [one(P.RUNNING)], []),
    "a quick success was running before it finished": (
        S,
        [one(P.SUCCEEDED, exit_code=0)],
        [Trigger.STARTED, Trigger.SUCCEEDED],
    ),
    "a quick failure was running before it failed": (
        S,
        [one(P.FAILED, exit_code=3)],
        [Trigger.STARTED, Trigger.COMMAND_FAILED],
    ),
    "a failure ends a running job": (R, [one(P.FAILED, exit_code=1)], [Trigger.COMMAND_FAILED]),
    "an image that cannot be pulled is an error": (
        S,
        [one(P.PENDING, code="image_pull", detail="no such image")],
        [Trigger.PLATFORM_FAILED],
    ),
    "a container that cannot start is an error": (
        S,
        [one(P.PENDING, code="start_error")],
        [Trigger.PLATFORM_FAILED],
    ),
    "a lost replica goes back to the queue": (R, [one(P.LOST)], [Trigger.REQUEUE]),
    "a replica that somebody deletes goes back to the queue": (
        R,
        [one(P.RUNNING, stopping=True)],
        [Trigger.REQUEUE],
    ),
    "the exit code of a deleted replica says nothing": (
        R,
        [one(P.FAILED, exit_code=143, stopping=True)],
        [Trigger.REQUEUE],
    ),
    "a success counts though the pod is being deleted": (
        R,
        [one(P.SUCCEEDED, exit_code=0, stopping=True)],
        [Trigger.SUCCEEDED],
    ),
    "a replica that saves and exits with 0 because somebody deletes it goes back": (
        R,
        [one(P.SUCCEEDED, exit_code=0, signalled=True)],
        [Trigger.REQUEUE],
    ),
    "a vanished replica goes back to the queue": (R, [], [Trigger.REQUEUE]),
}


@pytest.mark.parametrize("sentence", CASES)
def test_watched_job(sentence: str) -> None:
    state, replicas, expected = CASES[sentence]
    subject = job(state)
    assert triggers(reconcile(subject, seen(subject, *replicas), LATER, LIMITS)) == expected


def test_a_job_not_yet_launched_is_launched() -> None:
    subject = job(S, launched_at=None)
    assert reconcile(subject, seen(subject), LATER, LIMITS) == (Start(),)


def test_exit_code_and_times_are_kept() -> None:
    subject = job(S)
    begun, ended = NOON + timedelta(seconds=5), NOON + timedelta(seconds=9)
    status = one(P.FAILED, exit_code=3, started_at=begun, finished_at=ended)
    started, failed = reconcile(subject, seen(subject, status), LATER, LIMITS)
    assert isinstance(started, Move)
    assert isinstance(failed, Move)
    assert started.started_at == begun
    assert (failed.exit_code, failed.finished_at) == (3, ended)
    assert failed.reason is not None
    assert "3" in failed.reason.message


def test_a_distributed_job_runs_only_when_every_replica_runs() -> None:
    subject = job(S, placement=(Slot("n1"), Slot("n2")), spec=a_spec(nodes=2))
    first = ReplicaStatus("worker-0", P.RUNNING)
    pending = ReplicaStatus("worker-1", P.PENDING)
    assert reconcile(subject, seen(subject, first, pending), LATER, LIMITS) == ()
    both = seen(subject, first, replace(pending, phase=P.RUNNING))
    assert triggers(reconcile(subject, both, LATER, LIMITS)) == [Trigger.STARTED]


def test_a_job_does_not_wait_for_who_only_serves() -> None:
    subject = job(R, placement=(Slot("n1"), Slot("n2")))
    first = ReplicaStatus("worker-0", P.SUCCEEDED, exit_code=0)
    serving = ReplicaStatus("worker-1", P.RUNNING, serves=True)
    assert triggers(reconcile(subject, seen(subject, first, serving), LATER, LIMITS)) == [
        Trigger.SUCCEEDED
    ]
    early = replace(serving, phase=P.SUCCEEDED, exit_code=0)
    running = replace(first, phase=P.RUNNING, exit_code=None)
    assert reconcile(subject, seen(subject, running, early), LATER, LIMITS) == ()
    broken = replace(serving, phase=P.FAILED, exit_code=127)
    (move,) = reconcile(subject, seen(subject, running, broken), LATER, LIMITS)
    assert isinstance(move, Move)
    assert (move.trigger, move.exit_code) == (Trigger.COMMAND_FAILED, 127)


def test_the_first_replica_to_fail_gives_the_exit_code() -> None:
    subject = job(R, placement=(Slot("n1"), Slot("n2")))
    late = ReplicaStatus("worker-0", P.FAILED, exit_code=1, finished_at=LATER)
    early = ReplicaStatus("worker-1", P.FAILED, exit_code=7, finished_at=NOON)
    (move,) = reconcile(subject, seen(subject, late, early), LATER, LIMITS)
    assert isinstance(move, Move)
    assert move.exit_code == 7


def test_the_platform_gives_up_after_its_retries() -> None:
    tired = job(R, retries=MAX_PLATFORM_RETRIES)
    (move,) = reconcile(tired, seen(tired, one(P.LOST, detail="gone")), LATER, LIMITS)
    assert isinstance(move, Move)
    assert move.trigger is Trigger.PLATFORM_FAILED
    assert move.reason is not None
    assert move.reason.code == "lost_too_often"


def test_a_portal_that_was_stopped_costs_no_retry() -> None:
    tired = job(R, retries=MAX_PLATFORM_RETRIES)
    status = one(P.LOST, code="runtime_stopped")
    (move,) = reconcile(tired, seen(tired, status), LATER, LIMITS)
    assert isinstance(move, Move)
    assert (move.trigger, move.count_retry) == (Trigger.REQUEUE, False)


def test_an_unplaceable_replica_waits_then_goes_back() -> None:
    subject = job(S)
    status = one(P.PENDING, code="unschedulable", detail="0/3 nodes")
    early = reconcile(subject, seen(subject, status), NOON + timedelta(seconds=59), LIMITS)
    (late,) = reconcile(subject, seen(subject, status), NOON + timedelta(seconds=60), LIMITS)
    assert early == ()
    assert isinstance(late, Move)
    assert late.trigger is Trigger.REQUEUE
    assert late.not_before is not None


def test_stopping_asks_once_then_clears_then_stops() -> None:
    asked = job(JobState.KILLING, stop_requested_at=NOON, stop_grace_s=10)
    fresh = replace(asked, stop_requested_at=None)
    running, ended = one(P.RUNNING, stopping=True), one(P.FAILED, exit_code=143)
    deadline = NOON + timedelta(seconds=10 + FORCE_AFTER_S)
    assert reconcile(fresh, seen(fresh, running), NOON, LIMITS) == (Stop(10),)
    assert reconcile(asked, seen(asked, running), NOON, LIMITS) == ()
    assert reconcile(asked, seen(asked, ended), NOON, LIMITS) == (Clear(),)
    assert reconcile(asked, seen(asked, running), deadline, LIMITS) == (Clear(force=True),)
    assert reconcile(asked, seen(asked, one(P.LOST)), NOON, LIMITS) == (Clear(force=True),)
    assert triggers(reconcile(asked, seen(asked), NOON, LIMITS)) == [Trigger.STOPPED]


ASKED = NOON + timedelta(seconds=20)
DONE = one(P.SUCCEEDED, exit_code=0, finished_at=NOON + timedelta(seconds=19))
SAVED = replace(DONE, signalled=True)
FINISHED, STOPPED = [Trigger.SUCCEEDED], [Trigger.STOPPED]
HALTS: dict[str, tuple[list[ReplicaStatus], bool, list[Any]]] = {
    "one that was done before it was asked is not asked": ([DONE], False, FINISHED),
    "one that was done before it was asked has finished": ([DONE], True, FINISHED),
    "one that saved because it was asked starts anew": ([SAVED], True, [Clear]),
    "one that ended after our own note was asked, whatever its cluster says": (
        [replace(DONE, finished_at=ASKED)],
        True,
        [Clear],
    ),
    "one that still runs is waited for": ([one(P.RUNNING, stopping=True)], True, []),
    "one that failed is cleared": ([one(P.FAILED, exit_code=1)], True, [Clear]),
    "one of which nothing is left has stopped": ([], True, STOPPED),
}


@pytest.mark.parametrize("state", [JobState.PREEMPTING, JobState.PAUSING])
@pytest.mark.parametrize("sentence", HALTS)
def test_halted_job(sentence: str, state: JobState) -> None:
    replicas, asked, expected = HALTS[sentence]
    subject = job(state, started_at=NOON, stop_requested_at=ASKED if asked else None)
    assert triggers(reconcile(subject, seen(subject, *replicas), LATER, LIMITS)) == expected


@pytest.mark.parametrize("state", [JobState.PREEMPTING, JobState.PAUSING])
def test_a_halted_job_has_finished_when_all_its_replicas_had(state: JobState) -> None:
    subject = job(state, placement=(Slot("n1"), Slot("n2")), stop_requested_at=ASKED)
    first, second = replace(DONE, name="worker-0"), replace(DONE, name="worker-1")

    def next_for(*replicas: ReplicaStatus) -> list[Any]:
        return triggers(reconcile(subject, seen(subject, *replicas), LATER, LIMITS))

    assert next_for(first, second) == FINISHED
    assert next_for(first, replace(second, phase=P.RUNNING, serves=True)) == FINISHED
    assert next_for(first, replace(second, signalled=True)) == [Clear]
    assert next_for(first) == [Clear], "what has become of the other is not known"


def test_a_halted_job_that_was_done_has_its_code_and_times() -> None:
    begun = NOON + timedelta(seconds=3)
    done = replace(DONE, started_at=begun)
    unseen = job(JobState.PREEMPTING, stop_requested_at=ASKED)
    (move,) = reconcile(unseen, seen(unseen, done), LATER, LIMITS)
    assert isinstance(move, Move)
    assert (move.exit_code, move.started_at, move.finished_at) == (0, begun, DONE.finished_at)
    assert (move.reason and move.reason.code) == "exit_code"
    known = replace(unseen, started_at=NOON)
    (move,) = reconcile(known, seen(known, done), LATER, LIMITS)
    assert isinstance(move, Move)
    assert move.started_at is None, "what was seen before stays"


def test_a_killed_job_is_killed_though_it_was_done() -> None:
    subject = job(JobState.KILLING, stop_requested_at=ASKED)
    assert reconcile(subject, seen(subject, DONE), LATER, LIMITS) == (Clear(),)


def test_a_job_paused_while_it_waited_has_not_finished() -> None:
    subject = job(JobState.PAUSING, placement=(), launched_at=None)
    assert triggers(reconcile(subject, seen(subject), LATER, LIMITS)) == STOPPED


def test_an_ended_job_is_cleared_then_released() -> None:
    subject = job(JobState.FINISHED)
    left = seen(subject, one(P.SUCCEEDED), objects=True)
    assert reconcile(subject, left, NOON, LIMITS) == (Clear(),)
    assert reconcile(subject, seen(subject), NOON, LIMITS) == (Release(),)
    assert reconcile(replace(subject, released=True), left, NOON, LIMITS) == ()


def test_waiting_jobs_need_nothing() -> None:
    for state in (JobState.QUEUED, JobState.PAUSED):
        subject = a_job(state)
        assert reconcile(subject, seen(subject), NOON, LIMITS) == ()


phases = st.sampled_from(list(ReplicaPhase))
codes = st.sampled_from([None, "image_pull", "unschedulable", "node_lost", "out_of_memory"])
statuses = st.builds(
    ReplicaStatus,
    name=st.sampled_from(["worker-0", "worker-1"]),
    phase=phases,
    code=codes,
    exit_code=st.sampled_from([None, 0, 1]),
    stopping=st.booleans(),
    signalled=st.booleans(),
)


@given(
    state=st.sampled_from(list(JobState)),
    replicas=st.lists(statuses, max_size=2, unique_by=lambda r: r.name),
    retries=st.integers(0, 5),
    launched=st.booleans(),
)
def test_every_move_is_a_legal_one_whatever_is_seen(
    state: JobState, replicas: list[ReplicaStatus], retries: int, launched: bool
) -> None:
    subject = job(
        state,
        placement=(Slot("n1"), Slot("n2")),
        retries=retries,
        launched_at=NOON if launched else None,
    )
    for action in reconcile(subject, seen(subject, *replicas), LATER, LIMITS):
        if isinstance(action, Move):
            state = TRANSITIONS[state, action.trigger]
