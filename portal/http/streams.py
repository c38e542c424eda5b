"""``/events``: one stream of news per open page.

The events port keeps one connection per process and a short queue per listener. A stream
holds a thread of the web server, so their number is capped; a page that is refused polls.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Flask, Response, current_app, json

from portal.domain.errors import NotFound
from portal.domain.permission import Actor, Permission
from portal.http.access import actor, recheck, requires
from portal.http.problems import problem
from portal.http.services import services
from portal.models import db
from portal.ports import Notice
from portal.services.portal import Portal

blueprint = Blueprint("events", __name__)

KEEP_ALIVE_S = 8.0
"""A comment is sent so often, so that proxies keep the connection and a dead one is noticed.
The reader's permissions are looked at as often: whoever has lost them hears no more.
"""
RETRY_AFTER_S = 20
MOST_OF_ONE = 24
"""Open pages and followed outputs of one user, in one web process."""
MOST_KNOWN = 5000
LONGEST_S = 120.0
"""Then the page opens a new stream, and its session and permissions are looked at again."""


class StreamGate:
    """Counts the open streams of this process, and closes them when it stops.

    One user has at most :data:`MOST_OF_ONE` of the places, so that nobody has them all.
    """

    def __init__(self, most: int) -> None:
        self.stop = threading.Event()
        self._most = most
        self._open = 0
        self._of_user: Counter[int] = Counter()
        self._lock = threading.Lock()

    def enter(self, user_id: int | None = None) -> bool:
        """Take a place for a user (``None``: for nobody in particular), if there is one."""
        with self._lock:
            if self._open >= self._most or self.stop.is_set():
                return False
            if user_id is not None:
                if self._of_user[user_id] >= MOST_OF_ONE:
                    return False
                self._of_user[user_id] += 1
            self._open += 1
            return True

    def leave(self, user_id: int | None = None) -> None:
        """Give the place back."""
        with self._lock:
            self._open -= 1
            if user_id is not None:
                self._of_user[user_id] -= 1
                self._of_user += Counter()  # forgets who has none

    @property
    def open(self) -> int:
        """Streams that are open now."""
        return self._open


def gate() -> StreamGate:
    """The gate of the running application."""
    found: StreamGate = current_app.extensions["aoli-streams"]
    return found


def stop_streams(app: Flask) -> None:
    """Let every open stream say good-bye; called when the process is asked to end."""
    app.extensions["aoli-streams"].stop.set()


@blueprint.get("/events")
@requires()
def stream() -> Response:
    """The stream of whoever asks; 503 with ``Retry-After`` when all places are taken."""
    if not gate().enter(actor().user_id):
        refused = problem(503, "Too many open streams; the page polls instead.")
        refused.headers["Retry-After"] = str(RETRY_AFTER_S)
        return refused
    feed = _Feed(gate(), services(), actor(), recheck())
    response = Response(feed, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


class _Feed:
    """The body of one stream. ``close`` gives the place back even if nothing was read."""

    def __init__(
        self,
        gate: StreamGate,
        parts: Portal,
        reader: Actor,
        recheck: Callable[[], Actor | None],
    ) -> None:
        self._gate = gate
        self._reader = reader
        self._ended = threading.Event()
        self._pages = _news(gate, parts, reader, recheck, self._ended)

    def __iter__(self) -> Iterator[bytes]:
        return self._pages

    def close(self) -> None:
        """Called by the server when the answer is over, however it ended."""
        if not self._ended.is_set():
            self._ended.set()
            self._pages.close()  # type: ignore[attr-defined]
            self._gate.leave(self._reader.user_id)


def _news(
    gate: StreamGate,
    parts: Portal,
    reader: Actor | None,
    recheck: Callable[[], Actor | None],
    ended: threading.Event,
) -> Iterator[bytes]:
    reading = _Reading(parts, reader) if reader else None
    news = parts.events.subscribe(ended)  # before the greeting: the page looks anew at it
    begun = spoken = asked = time.monotonic()
    yield _event("hello", {})
    for notice in news:
        now = time.monotonic()
        if now - asked > KEEP_ALIVE_S:
            asked, again = now, recheck()
            if again != reader:
                reader, reading = again, _Reading(parts, again) if again else None
        if gate.stop.is_set() or now - begun > LONGEST_S or reading is None:
            yield _event("bye", {})
            return
        said = reading.tell(notice) if notice is not None else None
        if said is not None:
            spoken = now
            yield said
        elif now - spoken > KEEP_ALIVE_S:
            spoken = now
            yield b": still here\n\n"


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class _Reading:
    """What of the news this reader may hear. Whose a job is never changes, so it is asked once."""

    def __init__(self, parts: Portal, reader: Actor) -> None:
        self._parts = parts
        self._reader = reader
        self._all = reader.may(Permission.VIEW_ALL_JOBS)
        self._known: dict[str, bool] = {}

    def tell(self, notice: Notice) -> bytes | None:
        """The event for a notice, or nothing."""
        if notice.topic == "job":
            return _event("job", {"id": notice.key}) if self._sees(notice.key) else None
        if notice.topic in ("nodes", "queue", "vc"):
            return _event("nodes", {})
        return None

    def _sees(self, job_id: str) -> bool:
        if self._all:
            return True
        if job_id not in self._known:
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known[job_id] = self._ask(job_id)
        return self._known[job_id]

    def _ask(self, job_id: str) -> bool:
        with db.session():
            try:
                self._parts.jobs.value(self._reader, job_id)
            except NotFound:
                return False
        return True
