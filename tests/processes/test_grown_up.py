"""PostgreSQL, Redis and several of each process (K3): nothing depends on any one of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from grown_up import GrownUpPortal
from leftovers import processes_of
from many_jobs import GPU, Story, check, end_the_endless, lost_work
from servers import PostgresServer, redis_server

from portal.adapters.redis_link import connect
from portal.testing.waiting import eventually

pytestmark = [pytest.mark.kill, pytest.mark.timeout(420)]

JOBS = 24
PROCESSES = ("scheduler-1", "scheduler-2", "worker-1", "worker-2")


@pytest.fixture
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture
def portal(tmp_path: Path, postgres: PostgresServer, redis_url: str) -> Iterator[GrownUpPortal]:
    settings = {
        "AOLI_LOCAL_DEVICES": f"{GPU}=8",
        "AOLI_FULL_PASS_S": "5",
        "AOLI_LEADER_TTL_S": "3",
    }
    with GrownUpPortal(tmp_path, postgres, redis_url, **settings) as running:
        yield running


@pytest.fixture
def wiped(redis_url: str) -> Iterator[redis.Redis]:
    """A connection to the Redis that is going to be wiped."""
    with connect(redis_url) as connection:
        yield connection


def test_whoever_is_killed_and_whatever_redis_forgets(
    portal: GrownUpPortal, wiped: redis.Redis, tmp_path: Path
) -> None:
    assert "first administrator: admin" in portal.run("db", "upgrade")
    assert "up to date" in portal.run("db", "check")
    for name in PROCESSES:
        portal.start(name)
    portal.start_web()
    first = eventually(portal.leader, 60, what="a scheduler leads")

    story = Story(portal, portal.data_dir / "storage", random.Random(7), JOBS)
    story.submit_all()

    def after(starts: int) -> None:
        eventually(lambda: story.starts() >= starts, 120, what=f"{starts} starts")

    after(3)
    wiped.flushall()
    after(6)
    first = eventually(portal.leader, 60)
    portal.kill(first)
    second = eventually(portal.leader, 60, what="the other scheduler has taken over")
    assert second != first
    after(9)
    portal.kill("worker-1")
    end_the_endless(story)
    after(12)
    portal.cut_database()
    after(16)
    wiped.flushall()
    portal.start("worker-1")
    portal.start(first)
    eventually(story.all_ended, 150, what="all jobs have ended")
    check(story)
    assert set(portal.stop().values()) == {0}
    assert processes_of(portal.data_dir) == {}
    assert not lost_work(portal.said())
