"""A job's output: the newest lines, the whole of it, or a live stream."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.exceptions import ServiceUnavailable

from portal.api import auth, reading, schemas
from portal.api.auth import MEMBER, actor
from portal.api.calls import Parameter, call
from portal.api.jobs import known_id
from portal.domain.errors import NotFound
from portal.domain.permission import Actor
from portal.http import streams as sse
from portal.http.services import services
from portal.services.logs.streams import (
    DEFAULT_TAIL,
    MAX_TAIL,
    End,
    Lines,
    NextAttempt,
    Piece,
    Place,
    without_time,
)
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
            {"type": "integer", "minimum": 0, "maximum": MAX_TAIL, "default": DEFAULT_TAIL},
            "So many of the newest lines",
        ),
        Parameter("pod", schemas.TEXT, "The replica; default: the first"),
        Parameter("attempt", schemas.NUMBER, "The start; default: the newest"),
        Parameter("timestamps", schemas.YES_NO, "Begin each line with its time"),
        Parameter("follow", schemas.YES_NO, "A stream of server-sent events until the job ends"),
        Parameter("download", schemas.YES_NO, "The whole output as a file"),
    ),
    content_types=("text/plain", "text/event-stream"),
    problems=(404, 422, 503),
)
def read_job_logs(job_id: str) -> Any:
    """Kept after the job has ended; empty before it has begun."""
    replica, attempt = reading.text("pod"), reading.integer("attempt", None, 1, 10**9 - 1)
    tail = reading.integer("tail", DEFAULT_TAIL, 0, MAX_TAIL) or 0
    shown: Shown = bytes if reading.flag("timestamps") else without_time
    output = services().log_streams.find(actor(), known_id(job_id), replica, attempt)
    if reading.flag("follow"):
        return _stream(job_id, replica, attempt, _begin(tail), shown)
    if reading.flag("download"):
        lines: Any = (shown(line) for line in services().log_streams.whole(output))
        answer = _plain(lines)
        name = f"{job_id}-{output.ref.attempt}-{output.replica}" if output else job_id
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.log"'
        return answer
    newest = services().log_streams.tail(output, tail)
    return _plain(b"".join(shown(line) for line in newest))


def _plain(content: Any) -> Response:
    answer = Response(content, content_type="text/plain; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


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
    if isinstance(piece, NextAttempt):
        return b"event: attempt\ndata: %d\n\n" % piece.attempt
    if isinstance(piece, End):
        data = json.dumps({"status": piece.status, "exit_code": piece.exit_code})
        return b"event: end\ndata: " + data.encode() + b"\n\n"
    return b""


def _lines(piece: Lines, shown: Shown) -> bytes:
    """One event per line; its id is the place behind it, to go on from after a break.

    A carriage return ends a line of the stream, so what a progress bar drew over itself
    comes as several lines.
    """
    place = piece.place.offset - sum(len(line) for line in piece.lines)
    events = []
    for line in piece.lines:
        place += len(line)
        parts = shown(line).rstrip(b"\r\n").split(b"\r")
        data = b"".join(b"data: " + part + b"\n" for part in parts)
        events.append(data + b"id: %d-%d\n\n" % (piece.place.attempt, place))
    return b"".join(events)
