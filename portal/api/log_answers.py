"""What `GET /jobs/{id}/logs` answers when it is no stream: lines, a file, hits of a search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response

from portal.api import reading
from portal.api.schemas import Page, Shape, Time, about
from portal.domain.errors import InvalidSpec
from portal.domain.kept_line import plain, stamp_of, text_of
from portal.http.services import services
from portal.services.logs import positions, windows
from portal.services.logs.live import live_line
from portal.services.logs.outputs import ALL, View
from portal.services.logs.searching import MOST_TEXT, Found, search
from portal.services.logs.whole import as_read, as_text

MAX_LINE = 10**9


class Hit(Shape):
    """A line that holds the text."""

    line: int = about("From 1, in the output of its replica")
    at: Time | None
    pod: str
    attempt: int
    text: str


class Hits(Page[Hit]):
    """Hits of a search over everything that is kept."""

    total: int = about("Lines that hold the text")
    complete: bool = about("false: time was up, there may be more")


def hits(views: list[View], text: str) -> dict[str, Any]:
    """The hits of a search over everything in ``views``, as the API has them."""
    if len(text) > MOST_TEXT or "\n" in text:
        raise InvalidSpec("q", "Must be one line of at most %(max)s characters", max=MOST_TEXT)
    begin, size = reading.cursor() or 0, reading.limit()
    found = search(views, text, skip=begin, limit=size)
    end = begin + len(found.hits)
    return {
        "items": _items(found),
        "total": found.total,
        "complete": found.complete,
        "next_cursor": str(end) if end < found.total else None,
    }


def _items(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "line": hit.number,
            "at": stamp_of(hit.line).decode("ascii", "replace") or None,
            "pod": hit.view.replicas[hit.file],
            "attempt": hit.view.ref.attempt,
            "text": plain(text_of(hit.line)).decode("utf-8", "replace"),
        }
        for hit in found.hits
    ]


def text_answer(content: bytes | Iterator[bytes]) -> Response:
    """Plain text that no browser takes for anything else."""
    answer = Response(content, content_type="text/plain; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def download(job_id: str, view: View, *, times: bool, styles: bool) -> Response:
    """The whole output as a file; of several replicas each line is behind its replica's name."""
    labels = view.replicas if len(view.replicas) > 1 else ()
    answer = text_answer(as_text(view, times=times, styles=styles, labels=labels))
    which = view.replicas[0] if len(view.replicas) == 1 else "all"
    name = f"{job_id}-{view.ref.attempt}-{which}" if view.replicas else job_id
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.log"'
    return answer


def lines(view: View, count: int, *, times: bool, styles: bool) -> Response:
    """``count`` lines from ``from_line`` or ``since`` on, without them the newest.

    At most 8 MiB of them; of the newest the oldest give way.
    """
    begin = _begin(view)
    if begin is None:
        window = windows.newest(view, count)
        shown = [row.line for row in window.rows]
        if count and len(view.paths) == 1:
            state = live_line(view.paths[0], window.end[0])
            shown = [*shown, state][-count:] if state else shown
    else:
        window = windows.after(view, begin, count, windows.MOST_BYTES)
        shown = [row.line for row in window.rows]
    return text_answer(b"".join(as_read(line, times=times, styles=styles) for line in shown))


def _begin(view: View) -> windows.Place | None:
    """The place that the request asks for."""
    number, since = reading.integer("from_line", None, 1, MAX_LINE), reading.moment("since")
    if number is not None and since is not None:
        raise InvalidSpec("since", "Either from_line or since")
    if since is not None:
        return tuple(positions.offset_of_time(path, since) for path in view.paths)
    if number is None:
        return None
    if len(view.paths) > 1:
        raise InvalidSpec("from_line", "Lines are numbered within one replica: name it in pod")
    index = services().log_streams.index
    return tuple(index.line_or_end(path, number) for path in view.paths)


def refuse_all(replica: str | None) -> None:
    """A stream is of one replica."""
    if replica == ALL:
        raise InvalidSpec("pod", "A stream follows one replica: name it")
