"""The election over a real Valkey, with candidates in threads and in processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.adapters.embedded_valkey import EmbeddedValkey
from portal.adapters.leader import Leader
from portal.adapters.redis_link import connect, why_away

TTL_S = 1.2

CANDIDATE = """
import sys, threading, time
from portal.adapters.leader import Leader
url, ttl, token = sys.argv[1], float(sys.argv[2]), sys.argv[3] or None
say = lambda text: print(text, flush=True)
leader = Leader(
    url, ttl, token=token, on_gain=lambda e: say(f"gain {e}"), on_loss=lambda: say("loss"),
)
stop = threading.Event()
threading.Thread(target=leader.run, args=(stop,), daemon=True).start()
while True:
    if leader.is_leader():
        say(f"tick {time.time()}")
    time.sleep(0.01)
"""


def eventually(condition: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


class Runner:
    """A candidate in a thread of this process."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.story: list[str] = []
        self.stop = threading.Event()
        self.leader = Leader(
            url,
            TTL_S,
            token=token,
            on_gain=lambda epoch: self.story.append(f"gain {epoch}"),
            on_loss=lambda: self.story.append("loss"),
        )
        self.thread = threading.Thread(target=self.leader.run, args=(self.stop,))
        self.thread.start()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)


@contextmanager
def candidate(url: str, story: Path, token: str = "") -> Iterator[subprocess.Popen[bytes]]:
    with (
        story.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-c", CANDIDATE, url, str(TTL_S), token], stdout=output
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server


def test_one_leads_and_hands_over_with_a_higher_epoch(valkey: EmbeddedValkey) -> None:
    first = Runner(valkey.url)
    eventually(first.leader.is_leader)
    second = Runner(valkey.url)
    first.end()
    eventually(second.leader.is_leader)
    assert not first.leader.is_leader()
    assert second.leader.epoch > first.leader.epoch
    second.end()
    assert first.story == ["gain 1", "loss"]
    assert second.story == ["gain 2", "loss"]


def test_take_over_after_kill_within_the_ttl(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    story = tmp_path / "story"
    with candidate(valkey.url, story) as process:
        eventually(lambda: b"tick" in story.read_bytes())
        second = Runner(valkey.url)
        process.kill()
        process.wait()
        killed = time.monotonic()
        eventually(second.leader.is_leader)
        assert time.monotonic() - killed < TTL_S * 2
        second.end()


def test_a_restart_with_the_same_token_leads_at_once(
    valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    with connect(valkey.url) as client:
        client.set("aoli:leader:scheduler", "mine", px=3_600_000)
    stranger, restarted = Runner(valkey.url), Runner(valkey.url, token="mine")
    eventually(restarted.leader.is_leader)
    assert not stranger.leader.is_leader()
    restarted.end()
    stranger.end()


def test_a_frozen_leader_does_no_stale_tick(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    story = tmp_path / "story"
    with candidate(valkey.url, story) as process:
        eventually(lambda: b"tick" in story.read_bytes())
        os.kill(process.pid, signal.SIGSTOP)
        second = Runner(valkey.url)
        eventually(second.leader.is_leader)
        taken_over = time.time()
        os.kill(process.pid, signal.SIGCONT)
        eventually(lambda: b"loss" in story.read_bytes())
        second.end()
        process.kill()
        process.wait()
    lines = story.read_text().splitlines()
    ended = lines.index("loss")
    ticks = [float(line.split()[1]) for line in lines[:ended] if line.startswith("tick")]
    # One tick may have asked just before it was frozen and printed just after it woke up.
    assert sum(tick > taken_over for tick in ticks) <= 1


def test_redis_away_ends_the_lead_and_a_wiped_redis_starts_anew(valkey: EmbeddedValkey) -> None:
    runner = Runner(valkey.url)
    eventually(runner.leader.is_leader)
    valkey.stop()
    eventually(lambda: runner.story[-1] == "loss")
    assert not runner.leader.is_leader()
    valkey.start()
    with connect(valkey.url) as client:
        client.flushall()
    eventually(runner.leader.is_leader)
    runner.end()


def test_redis_that_is_away_is_said_once_and_so_is_its_return(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    valkey.stop()
    caplog.set_level("INFO", logger="portal.adapters.leader")
    runner = Runner(valkey.url)
    eventually(lambda: "Redis does not answer" in caplog.text)
    valkey.start()
    eventually(runner.leader.is_leader)
    runner.end()
    said = [record.getMessage() for record in caplog.records]
    assert sum("without it nobody leads" in line for line in said) == 1
    assert said[1:3] == ["Redis answers again", "leading (epoch 1)"]


def test_why_redis_does_not_answer(valkey: EmbeddedValkey) -> None:
    assert why_away(valkey.url) == ""
    with connect(valkey.url) as client:
        client.config_set("requirepass", "right")
    assert "authenticate" in why_away(valkey.url)
    assert "invalid username-password" in why_away(f"{valkey.url}&password=wrong")
    assert why_away(f"{valkey.url}&password=right") == ""
    valkey.stop()
    assert "connecting to" in why_away(valkey.url)
