"""A job's output: the newest lines, the whole of it, or a live stream."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from flask import Response, request
from pydantic import Field
from werkzeug.exceptions import ServiceUnavailable

from portal.api import auth, log_answers, reading
from portal.api.auth import MEMBER, actor
from portal.api.calls import PAGING, Parameter, call
from portal.api.jobs import known_id
from portal.api.log_answers import Hits
from portal.domain.errors import NotFound
from portal.domain.permission import Actor
from portal.http import streams as sse
from portal.http.services import services
from portal.services.logs.searching import MOST_TEXT
from portal.services.logs.streams import (
    DEFAULT_TAIL,
    MAX_TAIL,
    End,
    Lines,
    NextAttempt,
    Piece,
    Place,
    Redrawn,
)
from portal.services.logs.whole import as_read
from portal.services.portal import Portal

KEEP_ALIVE_S = 10.0
"""A quiet stream says something so often, and asks whether it is still allowed."""
RETRY_AFTER_S = 5
_PLACE = re.compile(r"([0-9]{1,9})-([0-9]{1,15})")
Shown = Callable[[bytes], bytes]


@call(
    "GET",
    "/jobs/<job_id>/logs",
    tag="Jobs",
    summary="A job's output",
    access=MEMBER,
    query=(
        Parameter(
            "tail",
            Annotated[int, Field(ge=0, le=MAX_TAIL, json_schema_extra={"default": DEFAULT_TAIL})],
            "So many of the newest lines; at most 8 MiB, the oldest left out first",
        ),
        Parameter("from_line", int, "Instead of the newest: `tail` lines from this on"),
        Parameter("since", datetime, "Instead of the newest: `tail` lines from this time on"),
        Parameter("pod", str, "The replica; default: the first. `*`: all, by time"),
        Parameter("attempt", int, "The start; default: the newest"),
        Parameter("timestamps", bool, "Begin each line with its time"),
        Parameter("plain", bool, "Without times and without ANSI styles and links"),
        Parameter("follow", bool, "A stream of server-sent events until the job ends"),
        Parameter("download", bool, "The whole output as a file"),
        Parameter(
            "q",
            Annotated[str, Field(max_length=MOST_TEXT)],
            "Search: the lines that hold this text, of all attempts and replicas, as JSON",
        ),
        *PAGING,
    ),
    answer=Hits,
    content_types=("text/plain", "text/event-stream", "application/json"),
    problems=(404, 422, 503),
)
def read_job_logs(job_id: str) -> Any:
    """Kept after the job has ended; empty before it has begun.

    Of a line that was redrawn with carriage returns the last state is kept. In a stream the
    event `redraw` tells what such a line shows now, `{"text": …}`.
    """
    replica, attempt = reading.text("pod"), reading.integer("attempt", None, 1, 10**9 - 1)
    tail = reading.integer("tail", DEFAULT_TAIL, 0, MAX_TAIL) or 0
    styles = not reading.flag("plain")
    times = bool(reading.flag("timestamps")) and styles
    outputs, text = services().log_streams.outputs, reading.text("q")
    if text:
        return log_answers.hits(outputs.every(actor(), known_id(job_id), replica, attempt), text)
    view = outputs.view(actor(), known_id(job_id), replica, attempt)
    if reading.flag("follow"):
        log_answers.refuse_all(replica)
        shown = functools.partial(as_read, times=times, styles=styles)
        return _stream(job_id, replica, attempt, _begin(tail), shown)
    if reading.flag("download"):
        return log_answers.download(job_id, view, times=times, styles=styles)
    return log_answers.lines(view, tail, times=times, styles=styles)


def _begin(tail: int) -> int | Place:
    """Where the browser's stream broke off, else ``tail`` lines before the end."""
    found = _PLACE.fullmatch(request.headers.get("Last-Event-ID", ""))
    return Place(int(found[1]), int(found[2])) if found else tail


def _stream(
    job_id: str, replica: str | None, attempt: int | None, begin: int | Place, shown: Shown
) -> Response:
    found, gate = services(), sse.gate()
    caller, recheck = actor(), auth.recheck()
    if not gate.enter(caller.user_id):
        raise ServiceUnavailable(
            "Too many live streams are open; ask again later, or without follow",
            retry_after=RETRY_AFTER_S,
        )
    pieces = found.log_streams.follow(
        caller, job_id, replica=replica, attempt=attempt, begin=begin, stop=gate.stop
    )
    events = _events(found, pieces, job_id, recheck, shown)
    answer = Response(events, content_type="text/event-stream")
    answer.call_on_close(partial(gate.leave, caller.user_id))
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def _events(
    found: Portal,
    pieces: Iterator[Piece],
    job_id: str,
    recheck: Callable[[], Actor | None],
    shown: Shown,
) -> Iterator[bytes]:
    """The stream's bytes. Nothing of the request is alive here any more."""
    yield b"retry: 2000\n\n"
    said_at = asked_at = time.monotonic()
    try:
        for piece in pieces:
            text, now = _text(piece, shown), time.monotonic()
            if now - asked_at >= KEEP_ALIVE_S:  # however much there is to say
                asked_at = now
                if not _still_allowed(found, recheck(), job_id):
                    return
            if not text and now - said_at < KEEP_ALIVE_S:
                continue
            yield text or b": nothing new\n\n"
            said_at = time.monotonic()
    except NotFound:
        return


def _still_allowed(found: Portal, caller: Actor | None, job_id: str) -> bool:
    if caller is None:
        return False
    found.log_streams.check(caller, job_id)
    return True


def _text(piece: Piece, shown: Shown) -> bytes:
    if isinstance(piece, Lines):
        return _lines(piece, shown)
    if isinstance(piece, Redrawn):
        text = shown(piece.line).rstrip(b"\n").decode("utf-8", "replace")
        return b"event: redraw\ndata: " + json.dumps({"text": text}).encode() + b"\n\n"
    if isinstance(piece, NextAttempt):
        return b"event: attempt\ndata: %d\n\n" % piece.attempt
    if isinstance(piece, End):
        data = json.dumps({"status": piece.status, "exit_code": piece.exit_code})
        return b"event: end\ndata: " + data.encode() + b"\n\n"
    return b""


def _lines(piece: Lines, shown: Shown) -> bytes:
    """One event per line; its id is the place behind it, to go on from after a break."""
    place = piece.place.offset - sum(len(line) for line in piece.lines)
    events = []
    for line in piece.lines:
        place += len(line)
        events.append(b"data: %bid: %d-%d\n\n" % (shown(line), piece.place.attempt, place))
    return b"".join(events)
