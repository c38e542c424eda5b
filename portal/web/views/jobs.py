"""The lists of jobs: mine and everybody's, and what is done from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    json,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)

from portal.domain.errors import InvalidSpec, NotFound
from portal.domain.permission import Permission
from portal.services.job_list import JobQuery
from portal.web.context import services
from portal.web.failures import error_words
from portal.web.frame import current_vc
from portal.web.job_filters import EVERYONE, MINE, ListAddress
from portal.web.job_lines import JobLine, make_line, status_word
from portal.web.pages import Pager
from portal.web.problems import problem
from portal.web.security.access import actor, allowed, requires
from portal.web.security.redirects import next_or_home
from portal.web.words import gettext, ngettext

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

JOB_PERMISSIONS = (Permission.SUBMIT_JOB, Permission.VIEW_ALL_JOBS, Permission.MANAGE_ALL_JOBS)
MAX_ROWS = 200


@blueprint.get("/")
@requires(*JOB_PERMISSIONS)
def index() -> str:
    """MY JOBS: every state, newest first."""
    return _list(everyone=False)


@blueprint.get("/all")
@requires(Permission.VIEW_ALL_JOBS)
def everyone() -> str:
    """ALL JOBS: the active jobs of everybody."""
    return _list(everyone=True)


def _address(everyone: bool) -> ListAddress:
    vc = current_vc()
    path = url_for("jobs.everyone" if everyone else "jobs.index")
    address: ListAddress = ListAddress.read(path, everyone, vc.name if vc else None, request.args)
    return address


def _list(*, everyone: bool) -> str:
    address = _address(everyone)
    page = services().jobs.page(actor(), address.query)
    return render_template(
        "jobs.html",
        everyone=everyone,
        address=address,
        pages=Pager.of(address, len(page.items), page.total, bool(page.next_cursor)),
        lines=_lines(page.items),
        counts=_counts(address.vc),
        choices=_choices(everyone),
        filter_text=_filter_text(address),
        may_submit=allowed(Permission.SUBMIT_JOB),
        may_see_all=allowed(Permission.VIEW_ALL_JOBS),
        back=address.url(),
    )


def _lines(items: list[dict[str, Any]]) -> list[JobLine]:
    return [make_line(item, actor()) for item in items]


def _counts(vc: str | None) -> dict[str, int]:
    """Numbers for the tabs; the list of everybody's only for who may see it."""
    found = {"mine": sum(services().jobs.counts(actor(), JobQuery(vc=vc)).values())}
    if allowed(Permission.VIEW_ALL_JOBS):
        query = JobQuery(scope="all", vc=vc)
        found["all"] = sum(services().jobs.counts(actor(), query).values())
    return found


def _choices(everyone: bool) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer."""
    registry = services().registry
    groups = EVERYONE if everyone else MINE
    return {
        "status": [(name, status_word(name)) for name in groups],
        "device_type": [(name, name) for name in sorted(registry.device_types)],
        "kind": [(name, gettext(kind.title)) for name, kind in sorted(registry.job_kinds.items())],
    }


def _filter_text(address: ListAddress) -> str:
    """The filters in words, for the empty list."""
    words = {
        "status": gettext("Status"),
        "device_type": gettext("Device type"),
        "kind": gettext("Job type"),
        "user": gettext("User"),
    }
    parts = []
    for name, word in words.items():
        value = address.filters[name]
        if value:
            parts.append(f"{word}: {status_word(value) if name == 'status' else value}")
    return ", ".join(parts)


@blueprint.get("/rows")
@requires()
def rows() -> str:
    """The present rows of some jobs, by id; a job that may not be seen is left out."""
    wanted = request.args.getlist("id")[:MAX_ROWS]
    return render_template(
        "jobs_rows.html",
        lines=_lines(list(_visible(wanted))),
        everyone=request.args.get("everyone") == "1",
        back=next_or_home(),
    )


def _visible(wanted: list[str]) -> Iterator[dict[str, Any]]:
    for job_id in wanted:
        try:
            yield services().jobs.get(actor(), job_id)
        except NotFound:
            continue


@blueprint.post("/actions")
@requires()
def act() -> Any:
    """Pause, resume or kill the jobs named; scripts get toasts, others are sent back."""
    action = request.form.get("action", "")
    ids = request.form.getlist("ids")
    results = services().jobs.act_on_many(actor(), action, ids)
    toasts = _toasts(action, results)
    if "HX-Request" in request.headers:
        response = jsonify(toasts=toasts)
        response.headers["HX-Trigger"] = json.dumps({"aoli:toasts": {"toasts": toasts}})
        return response
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
        if undo == "pause":
            toast["undo"] = {"label": gettext("Undo"), "action": undo, "ids": done}
        toasts.append(toast)
    refused = [result for result in results if not result["ok"]]
    if refused:
        title = ngettext(
            "%(num)s job was left as it is", "%(num)s jobs were left as they are", len(refused)
        )
        texts = list(dict.fromkeys(error_words(r["code"], r["detail"]) for r in refused))
        toasts.append({"kind": "dng", "title": title, "text": " ".join(texts[:2])})
    return toasts


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
    text = request.form.get("priority", "").strip()
    value: int | str = int(text) if text.isdecimal() and len(text) < 6 else text
    before = services().jobs.get(actor(), str(job_id))
    try:
        after = services().jobs.set_priority(actor(), str(job_id), value)
    except InvalidSpec:
        return problem(422, gettext("A priority is a whole number from 1 to 1000."))
    title = gettext("Priority of %(name)s set to %(value)s", name=after["name"], value=value)
    said = gettext("It was %(old)s. Running jobs keep their devices.", old=before["priority"])
    if "HX-Request" not in request.headers:
        flash(title, "success")
        return redirect(url_for("jobs.brief", job_id=job_id), 303)
    response = jsonify(title=title, text=said)
    toast = {"kind": "ok", "title": title, "text": said}
    response.headers["HX-Trigger"] = json.dumps({"aoli:toasts": {"toasts": [toast]}})
    return response
