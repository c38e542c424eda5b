"""What tab BRIEF shows beside the job itself: its history, and why it failed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.domain import reason as reasons
from portal.domain.errors import TemporaryFailure
from portal.domain.job_state import JobState
from portal.http.access import actor
from portal.http.services import services
from portal.web.base.formats import duration, moment, now
from portal.web.base.words import clauses, gettext, listed, ngettext
from portal.web.jobs.console import last_lines
from portal.web.jobs.items import JobItem, reason_text
from portal.web.jobs.progress import progress_of
from portal.web.jobs.waiting import Why, room_for, waiting
from portal.web.jobs.words import status_word

log = logging.getLogger(__name__)
FAILURE_LINES = 20
BAR = 1000
"""Units of the time-in-state bar."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline."""

    state: str
    title: str
    text: str
    at: str
    lasted: float | None
    first: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the time-in-state bar."""

    state: str
    left: int
    width: int


@dataclass(slots=True)
class _History:
    steps: list[Step] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    total: float = 0


def brief_values(line: JobItem) -> dict[str, Any]:
    """Everything the template needs beside the line."""
    job = line.job
    kind = services().registry.job_kinds.get(job["kind"])
    replicas = services().jobs.replicas(actor(), job["id"])
    history = _history(services().jobs.events(actor(), job["id"]), line)
    return {
        "mine": job["user"] == actor().username,
        "paths": {point: job[f"{point}_path"] for point in ("work", "data", "job")},
        "kind_title": gettext(kind.title) if kind else job["kind"],
        "multi_node": bool(kind and kind.multi_node),
        "places": _places(job),
        "replicas": [{**replica, "word": phase_word(replica["phase"])} for replica in replicas],
        "steps": history.steps,
        "parts": history.parts,
        "total_seconds": history.total,
        "spans_label": _spans_label(history),
        "why": _why(line),
        "room": room_for(line) if line.state is JobState.QUEUED else None,
        "progress": progress_of(line, replicas),
    }


def _history(events: Sequence[Mapping[str, Any]], line: JobItem) -> _History:
    """The timeline, newest first, and the bar, oldest first."""
    history = _History()
    if not events:
        return history
    times = [moment(event["at"]) for event in events]
    end = times[-1] if line.ended else now()
    history.total = (end - times[0]).total_seconds()
    left = 0.0
    for i, event in enumerate(events):
        last = i + 1 == len(events)
        lasted = ((end if last else times[i + 1]) - times[i]).total_seconds()
        shown = None if last and line.ended else lasted
        if i == 0:
            history.steps.append(_submitted(event))
        if i > 0 or last or lasted >= 1:  # it did wait
            history.steps.insert(0, _step(event, shown, line if last else None))
        if history.total > 0:
            width = lasted / history.total * BAR
            history.parts.append(Part(event["to"], round(left), max(round(width), 2)))
            left += width
    return history


def _submitted(event: Mapping[str, Any]) -> Step:
    text = gettext("by %(user)s", user=event["actor"] or "?")
    return Step(event["to"], gettext("Job submitted"), text, event["at"], None, first=True)


def _step(event: Mapping[str, Any], lasted: float | None, line: JobItem | None) -> Step:
    """``line`` is the job for the present step, which may say more than the event did."""
    text = reason_text(reasons.load(event["reason"])) or (_at_present(line) if line else "")
    return Step(event["to"], _state_title(event["to"]), text, event["at"], lasted, first=False)


def _at_present(line: JobItem) -> str:
    job = line.job
    if line.state is JobState.QUEUED and job["queue_position"]:
        return gettext("#%(n)s in queue", n=job["queue_position"])
    if line.state is JobState.RUNNING and job["placement"]:
        count, places = job["total_devices"], _places(job)
        if not count:
            return places
        return ngettext(
            "%(num)s device on %(nodes)s", "%(num)s devices on %(nodes)s", count, nodes=places
        )
    return ""


def _places(job: Mapping[str, Any]) -> str:
    return listed(dict.fromkeys(slot["node"] for slot in job["placement"]))


def _state_title(state: str) -> str:
    return gettext("Failed") if state == JobState.FAILED else status_word(state)


def _spans_label(history: _History) -> str:
    """The bar for those who do not see it."""
    said = [
        f"{step.title} {duration(step.lasted)}"
        for step in reversed(history.steps)
        if step.lasted is not None
    ]
    return clauses(said)


def _why(line: JobItem) -> Why | None:
    if line.state is JobState.QUEUED:
        return waiting(line)
    if line.state in (JobState.FAILED, JobState.ERROR):
        return _failure(line)
    return None


def _failure(line: JobItem) -> Why:
    code = line.job["exit_code"]
    tags = [] if code is None else [gettext("exit code %(code)s", code=code)]
    return Why(
        title=gettext("Why did it fail?"),
        sentence=line.reason or gettext("No reason was recorded."),
        icon="circle-x" if line.state is JobState.FAILED else "triangle-alert",
        tone="bad",
        tags=tags,
        tail=_tail(line),
    )


def _tail(line: JobItem) -> str:
    """The last lines; none when they cannot be read now: the rest of the page stays."""
    try:
        return last_lines(line, FAILURE_LINES)
    except TemporaryFailure as failure:
        log.warning("output of %s: %s", line.job["id"], failure)
        return ""


def phase_word(phase: str) -> str:
    """A replica's phase in the reader's language."""
    words = {
        "pending": gettext("Starting"),
        "running": gettext("Running"),
        "succeeded": gettext("Finished"),
        "failed": gettext("Failed"),
        "lost": gettext("Lost"),
    }
    return words.get(phase, phase)
