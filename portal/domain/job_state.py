"""The life cycle of a job: its states, what moves it on, and nothing else.

``TRANSITIONS`` is the whole truth; the services write no state that is not in it, and the
diagram in the documents is made from it (:func:`mermaid`).
"""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    SCHEDULING = "scheduling"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    PREEMPTING = "preempting"
    KILLING = "killing"
    KILLED = "killed"
    FINISHED = "finished"
    FAILED = "failed"
    ERROR = "error"


class Trigger(StrEnum):
    """What moves a job from one state to the next."""

    ADMIT = "admit"
    """The planner gave it a place."""
    STARTED = "started"
    """Every replica runs."""
    SUCCEEDED = "succeeded"
    """Every replica ended by itself with exit code 0."""
    COMMAND_FAILED = "command_failed"
    """The user's command ended with another exit code."""
    PLATFORM_FAILED = "platform_failed"
    """The platform cannot run it (image, refused spec, lost too often)."""
    REQUEUE = "requeue"
    """The platform lost it or takes its devices; it will start anew."""
    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    STOPPED = "stopped"
    """Everything it had on the cluster is gone."""


_S, _T = JobState, Trigger

TRANSITIONS: dict[tuple[JobState, Trigger], JobState] = {
    (_S.QUEUED, _T.ADMIT): _S.SCHEDULING,
    (_S.QUEUED, _T.PAUSE): _S.PAUSING,
    (_S.QUEUED, _T.KILL): _S.KILLING,
    (_S.QUEUED, _T.PLATFORM_FAILED): _S.ERROR,
    (_S.SCHEDULING, _T.STARTED): _S.RUNNING,
    (_S.SCHEDULING, _T.PLATFORM_FAILED): _S.ERROR,
    (_S.SCHEDULING, _T.REQUEUE): _S.PREEMPTING,
    (_S.SCHEDULING, _T.PAUSE): _S.PAUSING,
    (_S.SCHEDULING, _T.KILL): _S.KILLING,
    (_S.RUNNING, _T.SUCCEEDED): _S.FINISHED,
    (_S.RUNNING, _T.COMMAND_FAILED): _S.FAILED,
    (_S.RUNNING, _T.PLATFORM_FAILED): _S.ERROR,
    (_S.RUNNING, _T.REQUEUE): _S.PREEMPTING,
    (_S.RUNNING, _T.PAUSE): _S.PAUSING,
    (_S.RUNNING, _T.KILL): _S.KILLING,
    (_S.PREEMPTING, _T.SUCCEEDED): _S.FINISHED,
    (_S.PREEMPTING, _T.STOPPED): _S.QUEUED,
    (_S.PREEMPTING, _T.KILL): _S.KILLING,
    (_S.PAUSING, _T.SUCCEEDED): _S.FINISHED,
    (_S.PAUSING, _T.STOPPED): _S.PAUSED,
    (_S.PAUSING, _T.KILL): _S.KILLING,
    (_S.PAUSED, _T.RESUME): _S.QUEUED,
    (_S.PAUSED, _T.KILL): _S.KILLING,
    (_S.KILLING, _T.STOPPED): _S.KILLED,
}

TERMINAL = frozenset({_S.FINISHED, _S.FAILED, _S.ERROR, _S.KILLED})
"""States that nothing leaves."""
STOPPING = frozenset({_S.PAUSING, _S.PREEMPTING, _S.KILLING})
"""States in which the cluster is being cleared of the job."""
HOLDING = frozenset({_S.SCHEDULING, _S.RUNNING}) | STOPPING
"""States in which the job holds its devices, and keeps its virtual cluster as it is."""
ACTIVE = tuple(state for state in JobState if state not in TERMINAL)
"""States that are left again, in the order of the table."""


class IllegalTransition(Exception):
    """The state does not allow the trigger."""

    def __init__(self, state: JobState, trigger: Trigger) -> None:
        super().__init__(f"a job that is {state} cannot take {trigger!s}")
        self.state = state
        self.trigger = trigger


def next_state(state: JobState, trigger: Trigger) -> JobState:
    """Return the state that ``trigger`` leads to, or raise :class:`IllegalTransition`."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransition(state, trigger) from None


def allows(state: JobState, trigger: Trigger) -> bool:
    """Whether a job in ``state`` may take ``trigger``."""
    return (state, trigger) in TRANSITIONS


def mermaid() -> str:
    """The table as a Mermaid state diagram, in the table's order."""
    lines = ["stateDiagram-v2", "    [*] --> queued"]
    lines += [
        f"    {source} --> {target}: {trigger}" for (source, trigger), target in TRANSITIONS.items()
    ]
    lines += [f"    {state} --> [*]" for state in JobState if state in TERMINAL]
    return "\n".join(lines) + "\n"
