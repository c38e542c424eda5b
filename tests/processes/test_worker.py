"""The worker as a process over a real Valkey: works, survives restarts, ends quickly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from portal.adapters.embedded_valkey import EmbeddedValkey
from portal.adapters.redis_link import connect
from portal.adapters.redis_queue import make_rq_queue
from portal.testing.waiting import eventually

WORKER = """
import logging, sys
from portal.processes import worker
worker.configure_logging()
logging.getLogger("rq.worker").addFilter(worker.CalmAboutRedis())
process = worker.WorkerProcess(sys.argv[1])
process.install_signal_handlers()
logging.info("working")
process.run()
logging.info("ended")
"""
Call = Callable[..., None]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def connection(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with connect(valkey.url) as client:
        yield client


@pytest.fixture
def call(connection: redis.Redis) -> Call:
    queue = make_rq_queue(connection)

    def enqueue(name: str, *args: str) -> None:
        queue.enqueue_call(f"worker_calls.{name}", args=args, result_ttl=0, description=name)

    return enqueue


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def worker(valkey: EmbeddedValkey, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    here = str(Path(__file__).parent)
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORKER, valkey.url],
            env={**os.environ, "PYTHONPATH": here},
            stderr=output,
        ) as process,
    ):
        eventually(lambda: "working" in log.read_text(), what="the worker works")
        yield process
        process.kill()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.touch()
    return path


def _says(path: Path, text: str) -> bool:
    return path.read_text() == text


def test_it_runs_what_is_asked_in_order(
    worker: subprocess.Popen[bytes], call: Call, out: Path
) -> None:
    for number in range(5):
        call("write", str(out), str(number))
    eventually(lambda: out.read_text() == "0\n1\n2\n3\n4\n")


def test_an_exception_is_logged_with_its_traceback_and_work_goes_on(
    worker: subprocess.Popen[bytes], call: Call, out: Path, log: Path
) -> None:
    call("fail", "something odd")
    call("write", str(out), "next")
    eventually(lambda: out.read_text() == "next\n")
    text = log.read_text()
    assert "raise RuntimeError(words)" in text
    assert text.count("something odd") == 1


def test_a_temporary_failure_is_one_line(
    worker: subprocess.Popen[bytes], call: Call, out: Path, log: Path
) -> None:
    call("stumble", "the cluster is away")
    call("write", str(out), "next")
    eventually(lambda: out.read_text() == "next\n")
    assert "stumble: the cluster is away" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_it_ends_at_once_when_idle(worker: subprocess.Popen[bytes], log: Path) -> None:
    begun = time.monotonic()
    worker.terminate()
    assert worker.wait(10) == 0
    assert time.monotonic() - begun < 5
    assert "Traceback" not in log.read_text()


def test_it_finishes_the_call_that_runs(
    worker: subprocess.Popen[bytes], call: Call, out: Path
) -> None:
    call("linger", str(out), "0.5")
    call("write", str(out), "not this one")
    eventually(lambda: out.read_text() == "begun\n")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert out.read_text() == "begun\nended\n"


def test_it_works_again_after_a_restart_of_redis(
    worker: subprocess.Popen[bytes], valkey: EmbeddedValkey, call: Call, out: Path
) -> None:
    for text in ("once", "once\ntwice"):
        valkey.stop()
        valkey.start()
        call("write", str(out), text.split()[-1])
        eventually(partial(_says, out, text + "\n"))
    assert worker.poll() is None


def test_it_outlives_redis_killed_in_the_middle_of_a_call(
    worker: subprocess.Popen[bytes], valkey: EmbeddedValkey, call: Call, out: Path, log: Path
) -> None:
    call("linger", str(out), "0.3")
    eventually(lambda: out.read_text() == "begun\n")
    valkey.stop()
    eventually(lambda: "ended" in out.read_text())
    valkey.start()
    call("write", str(out), "next")
    eventually(lambda: "next" in out.read_text())
    assert worker.poll() is None
    assert "Traceback" not in log.read_text()
