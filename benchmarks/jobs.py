"""How fast jobs go through the portal: taken in, created on the cluster, shown on the page."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from benchmarks.table import Row, spread
from portal.testing.calling import PASSWORD, TERMINAL
from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually

CLIENTS = 8
SUBMISSIONS = 400
JOBS = 30
COMMAND = """
cd "${AOLI_JOB_PATH:-/job}"; date +%s.%N > began; sleep 0.5; date +%s.%N > ended
"""
WAITS_S = 120
AFTER = {"running": ("running", "finished"), "finished": ("finished",)}


def measure(folder: Path, name: str, image: str, **settings: str) -> list[Row]:
    """On one cluster: ``local``, or ``kubernetes`` with its settings."""
    storage = folder / "storage"
    storage.mkdir(parents=True)
    with RunningPortal(folder / "portal", AOLI_STORAGE_ROOT=str(storage), **settings) as portal:
        times = _follow_jobs(portal, storage, image)
        rows = [
            Row(f"{name}: submit → created on the cluster", spread(times.created), "< 150 ms"),
            Row(f"{name}: command runs → page shows it", spread(times.running)),
            Row(f"{name}: command ended → page shows it", spread(times.ended)),
            Row(f"{name}: state changed → page shows it", spread(times.shown), "< 300 ms"),
        ]
        eventually(lambda: _all_released(portal), WAITS_S, what="the cluster is clear")
        if name == "local":
            rows.append(Row("submissions through the API", f"{_submissions(portal):,.0f} /s"))
    return rows


@dataclass
class Times:
    """Of each job, in seconds. The cluster's own delay is in ``running`` and ``ended``."""

    created: list[float] = field(default_factory=list)
    running: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)


def _follow_jobs(portal: RunningPortal, storage: Path, image: str) -> Times:
    """Jobs one after another, looked at as a page does: on news, ask for the job."""
    times = Times()
    with Page(portal) as page:
        for number in range(JOBS):
            job = portal.submit(COMMAND, name=f"bench-{number}", image=image)
            page.wait_for(job, TERMINAL)
            folder = next(storage.glob(f"jobs/*/{job}"))
            times.created.append(_created_after(portal, job))
            times.running.append(page.first(job, "running") - _stamp(folder / "began"))
            times.ended.append(page.first(job, "finished") - _stamp(folder / "ended"))
            for event in portal.call("GET", f"/jobs/{job}/events"):
                if event["to"] in ("running", "finished"):
                    written = datetime.fromisoformat(event["at"]).timestamp()
                    times.shown.append(page.first(job, event["to"]) - written)
    return times


def _stamp(path: Path) -> float:
    return float(path.read_text())


def _ask(portal: RunningPortal, query: str, *values: str) -> Any:
    """The first row of a query to the portal's database."""
    with closing(sqlite3.connect(f"file:{portal.data_dir}/aoli.db?mode=ro", uri=True)) as database:
        return database.execute(query, values).fetchone()


def _all_released(portal: RunningPortal) -> bool:
    return bool(_ask(portal, "SELECT count(*) FROM job WHERE NOT released")[0] == 0)


def _created_after(portal: RunningPortal, job: str) -> float:
    """From the moment the submission was taken in to the end of the launch, in seconds."""
    query = "SELECT submitted_at, launched_at FROM job WHERE id = ?"
    submitted, launched = _ask(portal, query, job)
    return (datetime.fromisoformat(launched) - datetime.fromisoformat(submitted)).total_seconds()


def _submissions(portal: RunningPortal) -> float:
    """Submissions per second by some clients at once; the jobs wait in a VC without devices."""
    portal.submit("true")

    def submit(number: int) -> str:
        return portal.submit("true", name=f"flood-{number}")

    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(submit, range(SUBMISSIONS)))
    return SUBMISSIONS / (time.perf_counter() - begun)


class Page:
    """An open page: it hears of a change over the live stream and asks for the job again."""

    def __init__(self, portal: RunningPortal) -> None:
        self.seen: dict[tuple[str, str], float] = {}
        self._portal = portal
        self._stop = threading.Event()
        self._open = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Page:
        self._thread.start()
        assert self._open.wait(30), "the live stream did not open"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def wait_for(self, job: str, states: tuple[str, ...]) -> None:
        """Until the page has shown the job in one of the states."""
        eventually(lambda: any((job, state) in self.seen for state in states), WAITS_S, what=job)

    def first(self, job: str, state: str) -> float:
        """When the page first showed the state, or one that comes after it."""
        return min(
            at for (one, shown), at in self.seen.items() if one == job and shown in AFTER[state]
        )

    def _listen(self) -> None:
        for event, data in self._events():
            self._open.set()
            if event == "job" and not self._stop.is_set():
                status = self._portal.call("GET", f"/jobs/{data['id']}")["status"]
                self.seen.setdefault((data["id"], status), time.time())
            if self._stop.is_set():
                return

    def _events(self) -> Iterator[tuple[str, Any]]:
        opener = sign_in(self._portal.url)
        event = ""
        with opener.open(f"{self._portal.url}/events", timeout=60) as answer:
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, json.loads(value)


def sign_in(url: str) -> urllib.request.OpenerDirector:
    """A browser's session: the live stream is for signed-in pages only."""
    cookies = urllib.request.HTTPCookieProcessor(CookieJar())
    opener = urllib.request.build_opener(cookies)
    with opener.open(f"{url}/login/") as page:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.read().decode())
    assert token is not None, "the sign-in page has no CSRF token"
    fields = {"username": "admin", "password": PASSWORD, "csrf_token": token[1]}
    with opener.open(f"{url}/login/", urllib.parse.urlencode(fields).encode()):
        return opener
