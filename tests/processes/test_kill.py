"""Everything is killed while fifty jobs run: afterwards each is where it belongs.

The order of the kills and the moments (counted in starts of commands, not in seconds) are
drawn from a seed; ``AOLI_KILL_SEED`` names another one.
"""

from __future__ import annotations

import os
import random
import re
import urllib.error
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from leftovers import child, processes_of

from portal.domain.job import MAX_PLATFORM_RETRIES
from portal.testing.running import TERMINAL, CallFailed, RunningPortal
from portal.testing.waiting import eventually

pytestmark = [pytest.mark.kill, pytest.mark.timeout(420)]

JOBS = 50
ENDLESS = 4
"""So many of them run until the user kills them."""
VICTIMS = ["worker", "scheduler", "web", "valkey"] * 3
SUPERVISOR_KILLS = 2
GPU = "nvidia_gpu_amd64"

COMMAND = """
p="$AOLI_WORK_PATH/proof/{name}"; mkdir -p "${{p%/*}}"
exec 9>"$p.lock"; flock -n 9 || echo overlap >>"$p.bad"
echo start >>"$p.log"; sleep {seconds}; echo end >>"$p.log"; exit {code}
"""
T = TypeVar("T")


class Story:
    """Fifty jobs, what is expected of each, and what their commands wrote down."""

    def __init__(self, portal: RunningPortal, chance: random.Random) -> None:
        self.portal = portal
        self.expected: dict[str, tuple[str, int | None]] = {}
        self.ids: dict[str, str] = {}
        self._chance = chance

    def submit_all(self) -> None:
        """Fifty jobs with one GPU each; eight find a place at a time."""
        for number in range(JOBS):
            name = f"job-{number}"
            code = self._chance.choice((0, 0, 3))
            seconds = round(self._chance.uniform(0.3, 1.5), 2)
            expected: tuple[str, int | None] = ("failed", code) if code else ("finished", 0)
            if number % (JOBS // ENDLESS) == 5:
                seconds, expected = 1000, ("killed", None)
            command = COMMAND.format(name=name, seconds=seconds, code=code)
            self.expected[name] = expected
            self.ids[name] = self.portal.submit(command, name=name, device_type=GPU, devices=1)

    def endless(self) -> list[str]:
        """Names of the jobs that the user kills."""
        return [name for name, (state, _) in self.expected.items() if state == "killed"]

    def lines(self, name: str, suffix: str = "log") -> list[str]:
        """What the job's commands wrote."""
        storage = self.portal.data_dir / "storage"
        return [
            word
            for path in storage.glob(f"**/proof/{name}.{suffix}")
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


def kill(portal: RunningPortal, victim: str) -> None:
    """SIGKILL to a part, or to the supervisor, which is then started again."""
    if victim == "supervisor":
        portal.kill()
        left: Callable[[], dict[int, str]] = lambda: processes_of(portal.data_dir)  # noqa: E731
        eventually(lambda: not left(), 20, what="nothing is left of the killed portal")
        portal.start()
        return
    process = eventually(lambda: child(portal.data_dir, portal.pid, victim), 30, what=victim)
    assert isinstance(process, psutil.Process)
    process.kill()


def draw_kills(chance: random.Random) -> list[tuple[int, str]]:
    """Who is killed after how many starts."""
    victims = VICTIMS + ["supervisor"] * SUPERVISOR_KILLS
    chance.shuffle(victims)
    moments = sorted(chance.randint(1, JOBS - 2) for _ in victims)
    return list(zip(moments, victims, strict=True))


SEEDS = [int(os.environ["AOLI_KILL_SEED"])] if "AOLI_KILL_SEED" in os.environ else [1, 2]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_job_ends_right_whoever_is_killed(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    kills = draw_kills(chance)
    settings = {"AOLI_LOCAL_DEVICES": f"{GPU}=8", "AOLI_FULL_PASS_S": "5"}
    with RunningPortal(tmp_path, **settings) as portal:
        story = Story(portal, chance)
        story.submit_all()
        for moment, victim in kills:
            if moment > JOBS // 2:
                end_the_endless(story)
            eventually(lambda after=moment: story.starts() >= after, 90, what=f"{moment} starts")
            kill(portal, victim)
        end_the_endless(story)
        eventually(story.all_ended, 120, what="all jobs have ended")
        check(story)
        portal.stop()
    assert processes_of(portal.data_dir) == {}
    # Exceptions while parts are away are in the log, but never of the kind that loses work.
    assert not re.search(r"IllegalTransition|IntegrityError|database is locked", portal.said())


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
