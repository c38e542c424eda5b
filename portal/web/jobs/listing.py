"""The lists of jobs: mine and everybody's, and what is done from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import (
    Blueprint,
    Response,
    jsonify,
    render_template,
    request,
    url_for,
)

from portal.domain.errors import NotFound
from portal.domain.permission import Permission
from portal.http.access import actor, allowed, requires
from portal.http.redirects import next_or_home
from portal.http.services import services
from portal.services.jobs.export import csv_blocks
from portal.services.jobs.groups import group_sizes
from portal.services.jobs.listing import JobQuery, owners
from portal.web.base.appearance import zone
from portal.web.base.frame import current_vc
from portal.web.base.pager import Pager
from portal.web.base.words import clauses, gettext, ngettext, told
from portal.web.jobs import times as submission_times
from portal.web.jobs.filters import CHIPS, EVERYONE, MINE, ListAddress, chip_sizes
from portal.web.jobs.items import JobItem, make_item
from portal.web.jobs.words import status_word, time_word, yes_no_word

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
    at = services().clock().astimezone(zone())
    address: ListAddress = ListAddress.read(
        path, everyone, vc.name if vc else None, request.args, at
    )
    return address


def _list(*, everyone: bool) -> str:
    address = _address(everyone)
    seen_at = services().clock()
    counts, by_state = _numbers(address)
    sizes = _sizes(address, by_state)
    page = services().jobs.page(actor(), address.query, by_state)
    return render_template(
        "jobs/list.html",
        everyone=everyone,
        sizes=sizes if everyone else {},
        status_chips=[] if everyone else _chips(address, sizes),
        news=url_for("jobs.news", everyone="1" if everyone else None, shown=seen_at.isoformat()),
        export=url_for("jobs.export_all" if everyone else "jobs.export_mine"),
        address=address,
        pages=Pager.of(address, len(page.items), page.total, bool(page.next_cursor)),
        lines=_lines(page.items),
        counts=counts,
        choices=_choices(address),
        filter_text=_filter_text(address),
        may_submit=allowed(Permission.SUBMIT_JOB),
        may_see_all=allowed(Permission.VIEW_ALL_JOBS),
        back=address.url(),
    )


def _lines(items: list[dict[str, Any]]) -> list[JobItem]:
    return [make_item(item, actor()) for item in items]


def _numbers(address: ListAddress) -> tuple[dict[str, int], dict[str, int]]:
    """Numbers for the tabs (everybody's for who may see them), and of this list by state.

    The list is counted as the other filters have it; without any its numbers are the tab's.
    """
    whole = {"mine": services().jobs.counts(actor(), JobQuery(vc=address.vc))}
    if allowed(Permission.VIEW_ALL_JOBS):
        whole["all"] = services().jobs.counts(actor(), JobQuery(scope="all", vc=address.vc))
    parts = whole["all" if address.everyone else "mine"]
    if address.narrowed:
        parts = services().jobs.counts(actor(), address.query)
    return {name: sum(by_state.values()) for name, by_state in whole.items()}, parts


def _sizes(address: ListAddress, by_state: dict[str, int]) -> dict[str, int]:
    """Numbers of the groups of ALL JOBS, or of the chips of MY JOBS."""
    if address.everyone:
        return group_sizes(by_state, address.query.statuses)
    return chip_sizes(by_state)


def _chips(address: ListAddress, sizes: dict[str, int]) -> list[tuple[Any, ...]]:
    """The chips of MY JOBS: all, and the groups one looks for most."""
    status = address.filters["status"]
    return [
        (name, status_word(name), address.url(status=value, page=""), value == status, sizes[name])
        for name, value in (("all", ""), *((name, name) for name in CHIPS))
    ]


def _choices(address: ListAddress) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer."""
    registry = services().registry
    groups = EVERYONE if address.everyone else [name for name in MINE if name not in CHIPS]
    status = address.filters["status"]
    if status and status not in (*groups, address.chip):
        groups = [*groups, status]
    users = owners(actor(), JobQuery(scope="all", vc=address.vc)) if address.everyone else []
    chosen = address.filters["user"]
    return {
        "status": [(name, status_word(name)) for name in groups],
        "user": [(name, name) for name in sorted({*users, chosen} - {""})],
        "preemptible": [("yes", gettext("Preemptible")), ("no", gettext("Not preemptible"))],
        "time": [(name, time_word(name)) for name in submission_times.CHOICES],
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
        "preemptible": gettext("Preemptible"),
        "time": gettext("Submitted"),
    }
    shown = {"status": status_word, "preemptible": yes_no_word, "time": time_word}
    parts = []
    for name, word in words.items():
        value = address.filters[name]
        if value:
            parts.append(told(word, shown.get(name, str)(value)))
    return clauses(parts)


@blueprint.get("/jobs.csv")
@requires(*JOB_PERMISSIONS)
def export_mine() -> Response:
    """MY JOBS as the address has them, for spreadsheets."""
    return _export(everyone=False)


@blueprint.get("/all/jobs.csv")
@requires(Permission.VIEW_ALL_JOBS)
def export_all() -> Response:
    """ALL JOBS as the address has them, for spreadsheets."""
    return _export(everyone=True)


def _export(*, everyone: bool) -> Response:
    address = _address(everyone)
    response = Response(csv_blocks(actor(), address.query), mimetype="text/csv")
    name = f"jobs-{address.vc or 'none'}-{services().clock():%Y-%m-%d}.csv"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.get("/news")
@requires(*JOB_PERMISSIONS)
def news() -> Response:
    """What has come since the list was ``shown``: new jobs, the numbers of tabs and groups."""
    everyone = request.args.get("everyone") == "1" and allowed(Permission.VIEW_ALL_JOBS)
    address = _address(everyone)
    fresh = _new_jobs(address)
    counts, by_state = _numbers(address)
    return jsonify(
        new=fresh,
        text=ngettext("%(num)s new job", "%(num)s new jobs", fresh) if fresh else "",
        counts=counts,
        sizes=_sizes(address, by_state),
    )


def _new_jobs(address: ListAddress) -> int:
    try:
        shown = datetime.fromisoformat(request.args.get("shown", ""))
    except ValueError:
        return 0
    query = address.query
    if shown.tzinfo is None or not 1 < shown.year < 9999:
        return 0
    after = max(shown + timedelta(microseconds=1), query.submitted_after or shown)
    fresh = replace(query, submitted_after=after, limit=1, offset=0, grouped=False)
    total = services().jobs.page(actor(), fresh).total
    return MAX_ROWS if total is None else total


@blueprint.get("/rows")
@requires()
def rows() -> str:
    """The present rows of some jobs, by id; a job that may not be seen is left out."""
    wanted = request.args.getlist("id")[:MAX_ROWS]
    return render_template(
        "jobs/list_rows.html",
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
