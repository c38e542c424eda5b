"""What the console lets one choose: the attempt, with what ended it, and the replica."""

from __future__ import annotations

import logging
import re
from typing import Any

from portal.domain import reason as reasons
from portal.domain.errors import TemporaryFailure
from portal.domain.job_state import JobState
from portal.http.access import actor
from portal.http.services import services
from portal.services.logs.attempts import Attempt, attempts_of
from portal.services.logs.outputs import ALL, View
from portal.web.base.formats import clock, ordinal
from portal.web.base.words import clauses, gettext, listed, told
from portal.web.jobs.console import last_lines, view_of
from portal.web.jobs.items import JobItem, reason_text
from portal.web.jobs.words import attempt_end_word

log = logging.getLogger(__name__)
PLAIN_LINES = 200
_RANK = re.compile(r"-(\d{1,6})$")
Pod = dict[str, Any]


def console_values(line: JobItem, wanted: str, attempt: str) -> dict[str, Any]:
    """What the console's page shows before its script runs."""
    view = view_of(line, wanted, attempt)
    over = view.ref.attempt < line.job["attempts"]
    return {
        **choice_values(line, wanted, view),
        "wish": {"pod": wanted, **({"attempt": attempt} if attempt else {})},
        "empty_text": gettext("There was no output.") if over else _empty_text(line),
        **_plain(line, view),
    }


def choice_values(line: JobItem, wanted: str, view: View) -> dict[str, Any]:
    """The attempts and replicas to choose from, and which are chosen."""
    pods = pods_of(line, view)
    return {
        "pods": pods,
        "of": view.of,
        "chosen": wanted or (pods[0]["name"] if pods else ""),
        "all_pods": ALL,
        "attempts": starts_of(line),
        "attempt": view.ref.attempt,
        "newest": line.job["attempts"],
    }


def end_of(line: JobItem, attempt: int) -> str:
    """What ended an attempt, as a sentence; empty while it goes on."""
    return next((one["end"] for one in starts_of(line) if one["number"] == attempt), "")


def pods_of(line: JobItem, view: View) -> list[Pod]:
    """The replicas in rank order; ``label`` is the short word for one before its lines.

    ``failed``: it was the first to fail, which is what took the others along.
    """
    job_id, attempt = line.job["id"], view.ref.attempt
    rows = {pod["name"]: pod for pod in services().jobs.replicas(actor(), job_id, attempt)}
    first = _first_failed(list(rows.values()))
    ranks = [_RANK.search(name) for name in view.names]
    numbered = len({match.group(1) for match in ranks if match}) == view.of
    return [
        _pod(rows.get(name, {}), name, match[1] if match and numbered else None, first)
        for name, match in zip(view.names, ranks, strict=True)
    ]


def _pod(row: Pod, name: str, rank: str | None, first_failed: str) -> Pod:
    word = name if rank is None else gettext("rank %(n)s", n=rank)
    title = listed([row["node"], word]) if row.get("node") else word
    failed = name == first_failed
    if failed:
        code = row["exit_code"]
        why = gettext("Failed") if code is None else gettext("exit code %(code)s", code=code)
        title = told(title, why)
    label = name if rank is None else f"rank{rank}"
    return {"name": name, "label": label, "title": title, "failed": failed}


def _first_failed(rows: list[Pod]) -> str:
    failed = [row for row in rows if row["phase"] == "failed"]
    if not failed:
        return ""
    return str(min(failed, key=lambda row: row["finished_at"] or "~")["name"])


def starts_of(line: JobItem) -> list[dict[str, Any]]:
    """The job's starts, newest first: number, title, and the sentence that says what ended it."""
    found = attempts_of(services().jobs.events(actor(), line.job["id"]))
    return [
        {"number": one.number, "title": _attempt_title(one), "end": _attempt_end(one)}
        for one in reversed(found)
    ]


def _attempt_title(one: Attempt) -> str:
    name = gettext("Attempt %(n)s", n=one.number)
    if one.ended_in is None:
        return told(name, gettext("since %(time)s", time=clock(one.started_at)))
    code = str((one.reason or {}).get("code", ""))
    return told(name, clauses([attempt_end_word(one.ended_in, code), clock(one.ended_at)]))


def _attempt_end(one: Attempt) -> str:
    if one.ended_in is None:
        return ""
    why = reason_text(reasons.load(one.reason)) if one.reason else ""
    title = _attempt_title(one)
    return f"{title} · {why}" if why else title


def _plain(line: JobItem, view: View) -> dict[str, Any]:
    """The newest lines for who has no script; ``unreadable`` when nobody can read them now."""
    try:
        return {"plain": last_lines(line, PLAIN_LINES, view), "unreadable": False}
    except TemporaryFailure as failure:
        log.warning("output of %s: %s", line.job["id"], failure)
        return {"plain": "", "unreadable": True}


def _empty_text(line: JobItem) -> str:
    position = line.job["queue_position"]
    if line.state is JobState.QUEUED and position:
        return gettext(
            "No output yet. The job is %(position)s in the queue.", position=ordinal(position)
        )
    return gettext("There was no output.") if line.ended else gettext("No output yet.")
