"""What is done from the lists of jobs: pause, resume, kill, and the change of priorities."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, jsonify, redirect, request, url_for

from portal.domain.errors import InvalidSpec, PriorityClash
from portal.domain.job import MAX_PRIORITY, MIN_PRIORITY
from portal.http.access import actor, requires
from portal.http.problems import domain_problem, problem
from portal.http.redirects import next_or_home
from portal.http.services import services
from portal.web.base.refusals import error_words
from portal.web.base.words import gettext, ngettext, sentences
from portal.web.jobs.items import make_item
from portal.web.jobs.listing import blueprint
from portal.web.jobs.words import status_word


@blueprint.post("/actions")
@requires()
def act() -> Any:
    """Pause, resume or kill the jobs named; scripts get toasts, others are sent back."""
    action = request.form.get("action", "")
    ids = request.form.getlist("ids")
    results = services().jobs.act_on_many(actor(), action, ids)
    toasts = _toasts(action, results)
    if "X-Requested-With" in request.headers:
        return jsonify(toasts=toasts)
    for toast in toasts:
        flash(toast["title"], "danger" if toast["kind"] == "dng" else "success")
    return redirect(next_or_home(), 303)


def _toasts(action: str, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One message for what was done, one for each thing that was not."""
    done = [result["id"] for result in results if result["ok"]]
    toasts = []
    if done:
        toast: dict[str, Any] = {"kind": "ok", "title": _done_text(action, done), "text": ""}
        undo = {"pause": "resume", "resume": "pause"}.get(action)
        if undo is not None:
            toast["undo"] = {"label": gettext("Undo"), "action": undo, "ids": done}
        toasts.append(toast)
    return toasts + _refusals(results)


def _refusals(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One message for all that was not done, with the first reasons."""
    refused = [result for result in results if not result["ok"]]
    if not refused:
        return []
    title = ngettext(
        "%(num)s job was left as it is", "%(num)s jobs were left as they are", len(refused)
    )
    texts = list(dict.fromkeys(_why(result) for result in refused))
    return [{"kind": "dng", "title": title, "text": sentences(texts[:2])}]


def _why(refused: dict[str, Any]) -> str:
    """Why a job was left as it is; for a clash, who was first."""
    if refused["code"] == "conflict":
        line = make_item(services().jobs.get(actor(), refused["id"]), actor())
        name, status, reason = line.job["name"], status_word(line.state.value), line.reason
        return f"{name}: {status}. {reason}".strip()
    return error_words(refused["code"], refused["detail"])


def _done_text(action: str, ids: list[str]) -> str:
    count = len(ids)
    if action == "pause":
        return ngettext("%(num)s job is pausing", "%(num)s jobs are pausing", count)
    if action == "resume":
        return ngettext("%(num)s job is queued again", "%(num)s jobs are queued again", count)
    return ngettext("%(num)s job is being killed", "%(num)s jobs are being killed", count)


@blueprint.post("/<uuid:job_id>/priority")
@requires()
def priority(job_id: Any) -> Response | Any:
    """Change a priority; answers what a toast says."""
    value = _number(request.form.get("priority", ""))
    was = _number(request.form.get("was", ""))
    before = services().jobs.get(actor(), str(job_id))
    expected = was if isinstance(was, int) else None
    try:
        after = services().jobs.set_priority(actor(), str(job_id), value, expected)
    except InvalidSpec:
        return problem(422, gettext("A priority is a whole number from 1 to 1000."))
    except PriorityClash as clash:
        said = gettext("%(who)s has set it to %(value)s.", who=clash.by, value=clash.value)
        return domain_problem(clash, said)
    title = gettext("Priority of %(name)s set to %(value)s", name=after["name"], value=value)
    said = gettext("It was %(old)s. Running jobs keep their devices.", old=before["priority"])
    if "X-Requested-With" not in request.headers:
        flash(title, "success")
        return redirect(url_for("jobs.brief", job_id=job_id), 303)
    return jsonify(title=title, text=said)


def _number(text: str) -> int | str:
    """A number if it is one; the service says what is wrong with anything else."""
    clean = text.strip()
    return int(clean) if clean.isdecimal() and len(clean) < 6 else clean


@blueprint.post("/priorities")
@requires()
def priorities() -> Any:
    """Change the priority of several jobs; ``ids``, ``priority`` and ``was`` go in step."""
    form = request.form
    ids = form.getlist("ids")
    values = [_number(text) for text in form.getlist("priority")]
    kept = [_number(text) for text in form.getlist("was")]
    was = {i: n for i, n in zip(ids, kept, strict=False) if isinstance(n, int)}
    if not ids or len(values) != len(ids) or any(not _is_priority(value) for value in values):
        return problem(422, gettext("A priority is a whole number from 1 to 1000."))
    results = services().jobs.set_priorities(actor(), dict(zip(ids, values, strict=True)), was)
    done = [result for result in results if result["ok"]]
    toasts = ([_changed(done)] if done else []) + _refusals(results)
    return jsonify(toasts=toasts, changed=done)


def _is_priority(value: int | str) -> bool:
    return isinstance(value, int) and MIN_PRIORITY <= value <= MAX_PRIORITY


def _changed(done: list[dict[str, Any]]) -> dict[str, Any]:
    """The message of what was done, with what would take it back."""
    values = {result["priority"] for result in done}
    if len(values) > 1:
        title = ngettext(
            "Priority of %(num)s job is as it was",
            "Priorities of %(num)s jobs are as they were",
            len(done),
        )
    else:
        title = ngettext(
            "Priority of %(num)s job set to %(value)s",
            "Priority of %(num)s jobs set to %(value)s",
            len(done),
            value=values.pop(),
        )
    undo = {
        "ids": [result["id"] for result in done],
        "priorities": [result["was"] for result in done],
        "was": [result["priority"] for result in done],
    }
    text = gettext("Running jobs keep their devices.")
    return {"kind": "ok", "title": title, "text": text, "undo": undo}
