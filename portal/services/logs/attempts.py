"""A job's attempts, read from its transitions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from portal.domain.job_state import HOLDING, STOPPING, JobState


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start. Times are RFC 3339; what has not happened is ``None``.

    ``ended_in`` is how it left its devices: preempting, pausing or killing when it was
    stopped, else the state that it ended in. ``reason`` says why, as events keep reasons.
    """

    number: int
    started_at: str
    ended_at: str | None = None
    ended_in: JobState | None = None
    reason: Mapping[str, Any] | None = None


def attempts_of(events: Iterable[Mapping[str, Any]]) -> list[Attempt]:
    """The attempts, oldest first, of a job's transitions (``job_views.events``)."""
    found: list[Attempt] = []
    stopping: Mapping[str, Any] | None = None
    for event in events:
        state = JobState(event["to"])
        if state is JobState.SCHEDULING:
            found.append(Attempt(len(found) + 1, event["at"]))
            stopping = None
        elif not found or found[-1].ended_at:
            continue
        elif state in STOPPING:
            stopping = event
        elif state not in HOLDING:
            by_itself = stopping is None or state in (JobState.FINISHED, JobState.FAILED)
            why = event if by_itself or stopping is None else stopping
            found[-1] = replace(
                found[-1], ended_at=event["at"], ended_in=JobState(why["to"]), reason=why["reason"]
            )
    return found
