"""What tab BRIEF shows beside the job itself: its history, and why it waits or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import url_for

from portal.domain import reason as reasons
from portal.domain import wait
from portal.domain.job_state import JobState
from portal.domain.reason import Reason
from portal.services import job_views
from portal.web.context import services
from portal.web.formats import duration, moment, now, ordinal
from portal.web.job_console import last_lines
from portal.web.job_lines import JobLine, reason_text
from portal.web.job_words import status_word
from portal.web.security.access import actor
from portal.web.words import clauses, gettext, listed

FAILURE_LINES = 20
MAX_AHEAD = 5
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


@dataclass(frozen=True, slots=True)
class Fact:
    """One check of a waiting job; ``blocks`` is what it waits for."""

    name: str
    text: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class Why:
    """Why a job waits, or why it failed."""

    title: str
    sentence: str
    icon: str
    tone: str
    tags: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    ahead: Sequence[Mapping[str, str]] = ()
    more_ahead: int = 0
    remedy: str = ""
    tail: str = ""


@dataclass(slots=True)
class _History:
    steps: list[Step] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    total: float = 0


def brief_values(line: JobLine) -> dict[str, Any]:
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
        "places": listed(dict.fromkeys(slot["node"] for slot in job["placement"])),
        "replicas": [{**replica, "word": phase_word(replica["phase"])} for replica in replicas],
        "steps": history.steps,
        "parts": history.parts,
        "total_seconds": history.total,
        "spans_label": _spans_label(history),
        "why": _why(line),
    }


def _history(events: Sequence[Mapping[str, Any]], line: JobLine) -> _History:
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
        history.steps.insert(0, _step(event, shown, first=i == 0))
        if history.total > 0:
            width = lasted / history.total * BAR
            history.parts.append(Part(event["to"], round(left), max(round(width), 2)))
            left += width
    return history


def _step(event: Mapping[str, Any], lasted: float | None, *, first: bool) -> Step:
    text = reason_text(reasons.load(event["reason"]))
    if first:
        text = gettext("by %(user)s", user=event["actor"] or "?")
    return Step(
        state=event["to"],
        title=gettext("Job submitted") if first else _state_title(event["to"]),
        text=text,
        at=event["at"],
        lasted=lasted,
        first=first,
    )


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


def _why(line: JobLine) -> Why | None:
    if line.state is JobState.QUEUED:
        return waiting(line)
    if line.state in (JobState.FAILED, JobState.ERROR):
        return _failure(line)
    return None


def waiting(line: JobLine) -> Why:
    """Why a queued job waits, with its place and who is ahead."""
    job = line.job
    reason = reasons.load(job["reason"]) or Reason("new")
    position = job["queue_position"]
    since = (now() - moment(job["submitted_at"])).total_seconds()
    tags = [gettext("waiting %(time)s", time=duration(since))]
    if position:
        tags.insert(0, gettext("%(position)s in the queue", position=ordinal(position)))
    ahead = _ahead(job.get("ahead", []))
    remedy = wait.remedy(reason)
    return Why(
        title=gettext("Why is it waiting?"),
        sentence=reason_text(reason),
        icon="hourglass",
        tone="slow",
        tags=tags,
        facts=waiting_facts(reason, job),
        ahead=ahead,
        more_ahead=max((position or 1) - 1 - len(ahead), 0),
        remedy=gettext(remedy) if remedy else "",
    )


def waiting_facts(reason: Reason, job: Mapping[str, Any]) -> list[Fact]:
    """The numbers of a reason, each with its name; the one that blocks first."""
    numbers = reason.numbers
    facts = []
    if "quota" in numbers:
        text = gettext("%(used)s of %(quota)s in use, needs %(needed)s", **_with(numbers, "needed"))
        facts.append(Fact(gettext("VC quota"), text, reason.code == "vc_quota"))
    if "usable" in numbers:
        text = gettext("%(usable)s of %(quota)s", **numbers)
        facts.append(Fact(gettext("Usable now"), text, reason.code == "vc_shortage"))
    if "limit" in numbers:
        text = gettext("%(used)s of %(limit)s in use, needs %(needed)s", **_with(numbers, "needed"))
        facts.append(Fact(gettext("Limit per user"), text, reason.code == "user_limit"))
    if "free" in numbers:
        text = gettext("%(free)s free, needs %(needed)s", **_with(numbers, "needed", job))
        facts.append(Fact(gettext("Free devices"), text, reason.code == "no_free_devices"))
    if "largest" in numbers:
        text = gettext("at most %(largest)s on one node, needs %(per_node)s", **numbers)
        facts.append(Fact(gettext("Largest gap"), text, True))
    if "fitting" in numbers:
        text = gettext("%(fitting)s of %(nodes)s nodes have room", **numbers)
        facts.append(Fact(gettext("Nodes"), text, True))
    if "cordoned" in numbers:
        text = gettext("%(cordoned)s cordoned, %(not_ready)s not ready", **numbers)
        facts.append(Fact(gettext("Nodes"), text, True))
    return facts


def _with(
    numbers: Mapping[str, Any], name: str, job: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    fallback = job["total_devices"] if job else "?"
    return {"used": "?", **numbers, name: numbers.get(name, fallback)}


def _ahead(ids: Sequence[str]) -> list[dict[str, str]]:
    """Names of the jobs ahead; the service left only those that the reader may see."""
    shown = list(ids)[:MAX_AHEAD]
    names = job_views.names(shown) if shown else {}
    return [
        {"name": names[i], "href": url_for("jobs.brief", job_id=i)} for i in shown if i in names
    ]


def _failure(line: JobLine) -> Why:
    code = line.job["exit_code"]
    tags = [] if code is None else [gettext("exit code %(code)s", code=code)]
    return Why(
        title=gettext("Why did it fail?"),
        sentence=line.reason or gettext("No reason was recorded."),
        icon="circle-x" if line.state is JobState.FAILED else "triangle-alert",
        tone="bad",
        tags=tags,
        tail=last_lines(line, FAILURE_LINES),
    )


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
