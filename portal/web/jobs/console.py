"""The console of a job: lines as the page's script takes them, and what it chooses from.

A line goes out as its time, its text and its bytes; where replicas are shown together also
which of them and its number there. A place is ``attempt:number:offset,offset…``: the lines
before it, where one replica is shown, and the bytes of each replica's output before it. When
the job has started anew since, the place names another attempt and the reading begins again.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from portal.domain.errors import NotFound
from portal.domain.job_state import JobState
from portal.domain.kept_line import plain, stamp_of, text_of
from portal.http.access import actor
from portal.http.services import services
from portal.services.logs import positions, searching, windows
from portal.services.logs.files import time_of
from portal.services.logs.live import live_line
from portal.services.logs.outputs import View
from portal.services.logs.windows import Place, Row, Window
from portal.web.jobs.items import JobItem

ABOVE = 200
"""Lines before the one that was gone to."""
MOST_HITS = 1000
"""Places of hits in one answer."""
_HIT = re.compile(r"(\d{1,4}):(\d{1,15})")
_PLACE = re.compile(r"(\d{1,9}):\d{1,15}:(\d{1,15}(?:,\d{1,15})*)")


def view_of(line: JobItem, pod: str, attempt: str) -> View:
    """What is shown: replica ``pod`` (the first) of ``attempt`` (the newest)."""
    number = int(attempt) if attempt.isdecimal() and len(attempt) < 10 else None
    if attempt and number is None:
        raise NotFound("The job has no attempt of this number")
    outputs = services().log_streams.outputs
    return outputs.view(actor(), line.job["id"], pod or None, number, early=True)


def newer_lines(line: JobItem, view: View, after: str) -> dict[str, Any]:
    """Lines behind the place ``after``, or the newest when that is void."""
    place = _place(view, after)
    window = windows.newest(view) if place is None else windows.after(view, place)
    over = view.ref.attempt < line.job["attempts"]
    return {
        **_values(view, window),
        "restart": place is None and bool(view.paths),
        "live": [] if window.more else _live(view, window.end),
        "running": not over and line.state is JobState.RUNNING,
        "ended": over or line.ended,
    }


def earlier_lines(view: View, before: str) -> dict[str, Any]:
    """The lines that end at the place ``before``; none when it is void."""
    place = _place(view, before)
    if place is None:
        place = tuple(0 for _ in view.paths)
    return _values(view, windows.before(view, place))


def lines_at(view: View, place: Place) -> dict[str, Any]:
    """The lines around a place; ``target`` is the number of the one it means."""
    window, target = windows.around(view, place, ABOVE)
    return {**_values(view, window), "target": target}


def place_of_hit(view: View, text: str) -> Place:
    """Where a hit is, ``file:offset``, and what the other replicas had said by then."""
    found = _HIT.fullmatch(text)
    if found is None or int(found[1]) >= len(view.paths):
        raise NotFound("There is no such place in the output")
    file, offset = int(found[1]), int(found[2])
    if len(view.paths) == 1:
        return (offset,)
    at = positions.time_at(view.paths[file], offset)
    others = place_of_time(view, at) if at else tuple(0 for _ in view.paths)
    return (*others[:file], offset, *others[file + 1 :])


def place_of_line(view: View, number: int) -> Place:
    """Where a line begins in the one replica that is shown, or the end of the output."""
    index = services().log_streams.index
    return tuple(index.line_or_end(path, max(1, number)) for path in view.paths)


def place_of_time(view: View, at: datetime) -> Place:
    """Where the first line is that is not older than ``at``."""
    return tuple(positions.offset_of_time(path, at) for path in view.paths)


def last_time(view: View, hour: int, minute: int, second: int, zone: tzinfo) -> datetime:
    """The last moment of the output at which a clock in ``zone`` showed this time."""
    newest = windows.newest(view, 1).rows
    last = (time_of(newest[-1].line) if newest else None) or services().clock()
    local = last.astimezone(zone)
    at = local.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return (at - timedelta(days=1) if at > local else at).astimezone(UTC)


def hits(view: View, text: str, skip: int | None) -> dict[str, Any]:
    """Where a text is found: from the ``skip``-th hit on, or the last ones.

    A hit is the number of its replica and the bytes before its line.
    """
    found = searching.search([view], text, skip=skip, limit=MOST_HITS)
    return {
        "hits": [[hit.file, hit.offset] for hit in found.hits],
        "first": found.first,
        "total": found.total,
        "complete": found.complete,
    }


def last_lines(line: JobItem, count: int, view: View | None = None) -> str:
    """The last lines as one reads them, without their times; what is still drawn counts."""
    view = view or view_of(line, "", "")
    window = windows.newest(view, count)
    shown = [row.line for row in window.rows]
    shown += [state for _, state in _live_lines(view, window.end)]
    return "\n".join(plain(text_of(item)).decode("utf-8", "replace") for item in shown[-count:])


def _values(view: View, window: Window) -> dict[str, Any]:
    numbers = _numbers_before(view, window)
    together = len(view.paths) > 1
    before = None if together else next(iter(numbers), 0)
    rows = [_row(row, numbers, together) for row in window.rows]
    after = None if before is None else before + len(rows)
    return {
        "lines": rows,
        "first": None if before is None else before + 1,
        "begin": _named(view, before, window.begin),
        "offset": _named(view, after, window.end),
        "more": window.more,
        "attempt": view.ref.attempt,
        "of": view.of,
    }


def _numbers_before(view: View, window: Window) -> list[int | None]:
    """For each replica the number of the last line before the window."""
    index = services().log_streams.index
    most = positions.MOST_COUNTED // max(1, len(view.paths))
    return [
        index.lines_before(path, offset, most)
        for path, offset in zip(view.paths, window.begin, strict=True)
    ]


def _row(row: Row, numbers: list[int | None], together: bool) -> list[Any]:
    """A line as it goes out; ``numbers`` goes on with it."""
    before = numbers[row.file]
    numbers[row.file] = None if before is None else before + 1
    shown: list[Any] = [*_shown(row.line), len(row.line)]
    return [*shown, row.file, numbers[row.file]] if together else shown


def _shown(line: bytes) -> list[str]:
    """Time and text."""
    return [part.decode("utf-8", "replace") for part in (stamp_of(line), text_of(line))]


def _live_lines(view: View, place: Place) -> list[tuple[int, bytes]]:
    """What lines without an end show now, with the numbers of their replicas."""
    found = enumerate(zip(view.paths, place, strict=True))
    states = [(file, live_line(path, offset)) for file, (path, offset) in found]
    return [(file, state) for file, state in states if state]


def _live(view: View, place: Place) -> list[list[Any]]:
    return [[*_shown(state), 0, file, None] for file, state in _live_lines(view, place)]


def _place(view: View, text: str) -> Place | None:
    """A place that an earlier answer named; ``None`` when it is none of this view."""
    found = _PLACE.fullmatch(text)
    if found is None or int(found[1]) != view.ref.attempt:
        return None
    place = tuple(int(offset) for offset in found[2].split(","))
    return place if len(place) == len(view.paths) else None


def _named(view: View, number: int | None, place: Place) -> str:
    attempt = view.ref.attempt if place else 0
    return f"{attempt}:{number or 0}:{','.join(map(str, place)) or 0}"
