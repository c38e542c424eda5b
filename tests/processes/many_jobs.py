"""Many jobs on a portal whose parts are killed: what is expected of each, and what happened.

Every command writes down when it begins and ends, and notices when it runs twice at a time.
"""

from __future__ import annotations

import random
import re
import urllib.error
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from portal.domain.job import MAX_PLATFORM_RETRIES
from portal.testing.calling import TERMINAL, CallFailed, PortalClient
from portal.testing.waiting import eventually

GPU = "nvidia_gpu_amd64"
ENDLESS_EVERY = 12
"""One of so many runs until the user kills it."""

COMMAND = """
p="$AOLI_WORK_PATH/proof/{name}"; mkdir -p "${{p%/*}}"
exec 9>"$p.lock"; flock -n 9 || echo overlap >>"$p.bad"
echo start >>"$p.log"; sleep {seconds}; echo end >>"$p.log"; exit {code}
"""
T = TypeVar("T")


class Story:
    """The jobs, what is expected of each, and what their commands wrote down."""

    def __init__(
        self, portal: PortalClient, storage: Path, chance: random.Random, jobs: int
    ) -> None:
        self.portal = portal
        self._storage = storage
        self._jobs = jobs
        self.expected: dict[str, tuple[str, int | None]] = {}
        self.ids: dict[str, str] = {}
        self._chance = chance

    def submit_all(self) -> None:
        """One GPU for each job; eight find a place at a time."""
        for number in range(self._jobs):
            name = f"job-{number}"
            code = self._chance.choice((0, 0, 3))
            seconds = round(self._chance.uniform(0.3, 1.5), 2)
            expected: tuple[str, int | None] = ("failed", code) if code else ("finished", 0)
            if number % ENDLESS_EVERY == 5:
                seconds, expected = 1000, ("killed", None)
            command = COMMAND.format(name=name, seconds=seconds, code=code)
            self.expected[name] = expected
            self.ids[name] = self.portal.submit(command, name=name, device_type=GPU, devices=1)

    def endless(self) -> list[str]:
        """Names of the jobs that the user kills."""
        return [name for name, (state, _) in self.expected.items() if state == "killed"]

    def lines(self, name: str, suffix: str = "log") -> list[str]:
        """What the job's commands wrote."""
        return [
            word
            for path in self._storage.glob(f"**/proof/{name}.{suffix}")
            for word in path.read_text().split()
        ]

    def starts(self) -> int:
        """How often a command has begun, over all jobs."""
        return sum(self.lines(name).count("start") for name in self.expected)

    def states(self) -> dict[str, dict[str, Any]]:
        """The jobs as the API shows them, by name."""
        return {job["name"]: job for job in persist(lambda: list(self.portal.jobs()))}

    def all_ended(self) -> bool:
        """Whether there is nothing to wait for."""
        return all(job["status"] in TERMINAL for job in self.states().values())


def persist(call: Callable[[], T]) -> T:
    """Repeat a call while the web process is away; it may be done twice."""
    answers: list[T] = []

    def attempt() -> bool:
        try:
            answers.append(call())
        except (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError):
            return False
        except CallFailed as failure:
            if failure.status < 500:
                raise
            return False
        return True

    eventually(attempt, 60, what="the portal answers")
    return answers[-1]


def end_the_endless(story: Story) -> None:
    """The user kills the jobs that would never end; they hold places others wait for."""
    for name in story.endless():
        job = story.ids[name]
        try:
            persist(lambda job=job: story.portal.call("POST", f"/jobs/{job}/kill"))
        except CallFailed as failure:
            if failure.status != 409:  # it is being killed, or it is gone
                raise


def check(story: Story) -> None:
    """Right states, none lost, none twice at the same time, no start without its attempt."""
    jobs = story.states()
    assert set(jobs) == set(story.expected), "a job is lost"
    wrong = {
        name: (job["status"], job["exit_code"], job["reason"], story.expected[name])
        for name, job in jobs.items()
        if not _as_expected(job, *story.expected[name])
    }
    assert wrong == {}
    for name, job in jobs.items():
        lines = Counter(story.lines(name))
        assert not story.lines(name, "bad"), f"{name} ran twice at the same time"
        assert job["attempts"] <= 1 + MAX_PLATFORM_RETRIES
        assert lines["start"] <= job["attempts"], f"{name} was started behind the portal's back"
        if job["status"] in ("finished", "failed"):
            assert lines["end"] >= 1, f"{name} ended without having run"
        events = story.portal.call("GET", f"/jobs/{job['id']}/events")
        assert events[0]["from"] is None
        steps = [(event["from"], event["to"]) for event in events]
        assert all(a[1] == b[0] for a, b in pairwise(steps)), steps
        assert steps[-1][1] == job["status"]


def _as_expected(job: dict[str, Any], state: str, code: int | None) -> bool:
    """The state, and the exit code where the command itself chose it."""
    return bool(job["status"] == state and (code is None or job["exit_code"] == code))


def lost_work(log: str) -> re.Match[str] | None:
    """An error in the log of the kind that loses work; others may come while parts are away."""
    return re.search(r"IllegalTransition|IntegrityError|database is locked|deadlock", log)
