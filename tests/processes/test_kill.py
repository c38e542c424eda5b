"""Everything is killed while fifty jobs run: afterwards each is where it belongs.

The order of the kills and the moments (counted in starts of commands, not in seconds) are
drawn from a seed; ``AOLI_KILL_SEED`` names another one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from leftovers import child, processes_of
from many_jobs import GPU, Story, check, end_the_endless, lost_work

from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually

pytestmark = [pytest.mark.kill, pytest.mark.timeout(420)]

JOBS = 50
VICTIMS = ["worker", "scheduler", "web", "valkey"] * 3
SUPERVISOR_KILLS = 2


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
        story = Story(portal, portal.data_dir / "storage", chance, JOBS)
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
    assert not lost_work(portal.said())
