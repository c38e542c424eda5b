"""Tab CONSOLE: the page, and what its script asks for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, render_template, request

from portal.domain.job_state import HOLDING
from portal.domain.permission import Permission
from portal.http.access import actor, allowed, requires
from portal.http.services import services
from portal.services.logs import windows
from portal.services.logs.outputs import View
from portal.services.logs.searching import MOST_TEXT
from portal.services.logs.whole import as_text
from portal.web.base.appearance import zone
from portal.web.jobs import console
from portal.web.jobs.console_choices import choice_values, console_values, end_of, pods_of
from portal.web.jobs.items import JobItem, make_item
from portal.web.jobs.listing import blueprint

_CLOCK = re.compile(
    r"(?:(\d{4})-(\d{1,2})-(\d{1,2})[ T]+)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?"
)


def _line(job_id: Any) -> JobItem:
    return make_item(services().jobs.get(actor(), str(job_id)), actor())


def _view(line: JobItem) -> View:
    return console.view_of(line, request.args.get("pod", ""), request.args.get("attempt", ""))


@blueprint.get("/<uuid:job_id>/console", endpoint="console")
@requires()
def console_tab(job_id: Any) -> str:
    """Tab CONSOLE."""
    line = _line(job_id)
    values = console_values(line, request.args.get("pod", ""), request.args.get("attempt", ""))
    may_submit = allowed(Permission.SUBMIT_JOB)
    return render_template(
        "jobs/console.html", tab="console", line=line, may_submit=may_submit, **values
    )


@blueprint.get("/<uuid:job_id>/console/choices")
@requires()
def console_choices(job_id: Any) -> str:
    """The attempts and replicas to choose from, for the live update."""
    line = _line(job_id)
    values = choice_values(line, request.args.get("pod", ""), _view(line))
    return render_template("jobs/console_picks.html", **values)


@blueprint.get("/<uuid:job_id>/lines")
@requires()
def lines(job_id: Any) -> Response:
    """Lines of the output behind the place ``after``, before ``before``, around ``at``.

    ``at`` is ``first``, a number, a time of the reader's clock, or ``hit:`` and a hit. Without
    any of them the newest.
    """
    line = _line(job_id)
    view = _view(line)
    if "at" in request.args:
        place = _place_at(view, request.args["at"].strip())
        if place is None:
            # Lines are numbered within one replica.
            numbered = request.args["at"].strip().isdecimal()
            return jsonify({"unknown": "line" if numbered and view.of > 1 else "place"})
        return jsonify(console.lines_at(view, place))
    if "before" in request.args:
        return jsonify(console.earlier_lines(view, request.args["before"]))
    found = console.newer_lines(line, view, request.args.get("after", ""))
    over = found["ended"] or line.state not in HOLDING  # it may wait for its next start
    shown = over and not found["more"]
    return jsonify({**found, "end": end_of(line, view.ref.attempt) if shown else ""})


def _place_at(view: View, text: str) -> windows.Place | None:
    """The place that the reader wants to see; ``None`` for what is neither line nor time."""
    if text == "first":
        return tuple(0 for _ in view.paths)
    if text.startswith("hit:"):
        return console.place_of_hit(view, text.removeprefix("hit:"))
    number = text.replace(",", "")
    if number.isdecimal() and len(number) < 12 and len(view.paths) == 1:
        return console.place_of_line(view, int(number))
    at = _moment(view, text)
    return console.place_of_time(view, at) if at else None


def _moment(view: View, text: str) -> datetime | None:
    """A time as the reader writes it; without a date its last one in the output."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = int(found[4]), int(found[5]), int(found[6] or 0)
    try:
        if found[1]:
            day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=zone())
            return day.replace(hour=hour, minute=minute, second=second).astimezone(UTC)
        return console.last_time(view, hour, minute, second, zone())
    except (ValueError, OverflowError):
        return None


@blueprint.get("/<uuid:job_id>/find")
@requires()
def find(job_id: Any) -> Response:
    """Where the output holds the text ``q``, in all that is kept of the attempt."""
    view = _view(_line(job_id))
    text = request.args.get("q", "")[:MOST_TEXT].partition("\n")[0]
    skip = request.args.get("skip", "")
    number = int(skip) if skip.isdecimal() and len(skip) < 12 else None
    return jsonify(console.hits(view, text, number))


@blueprint.get("/<uuid:job_id>/log")
@requires()
def download(job_id: Any) -> Response:
    """The whole output as a file: as it is kept, or ``plain`` without times and ANSI styles."""
    line = _line(job_id)
    view = _view(line)
    plain = request.args.get("plain") == "1"
    together = len(view.replicas) > 1
    labels = tuple(pod["label"] for pod in pods_of(line, view)) if together else ()
    parts = as_text(view, times=not plain, styles=not plain, labels=labels)
    which = "all" if together else next(iter(view.replicas), "output")
    attempt = f"-{view.ref.attempt}" if view.ref.attempt != line.job["attempts"] else ""
    response = Response(parts, mimetype="text/plain")
    name = f"{line.job['name']}-{line.short_id}{attempt}-{which}.log"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
