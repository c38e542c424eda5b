"""The queue against a real Valkey: unique while waiting, calm while Redis is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq import Queue as RqQueue
from rq.job import Job

from portal.adapters.embedded_valkey import EmbeddedValkey
from portal.adapters.redis_link import connect
from portal.adapters.redis_queue import WAIT_TTL_S, RedisQueue, begin_turn, make_rq_queue
from portal.domain.errors import TemporaryFailure


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def connection(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with connect(valkey.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def queue(valkey: EmbeddedValkey, connection: redis.Redis) -> RedisQueue:
    return RedisQueue(valkey.url, connection)


@pytest.fixture
def waiting(connection: redis.Redis) -> RqQueue:
    return make_rq_queue(connection)


def take(waiting: RqQueue, connection: redis.Redis) -> Job:
    result = RqQueue.dequeue_any([waiting], None, connection, serializer=waiting.serializer)
    assert result is not None
    return result[0]


def test_a_call_names_a_function_of_the_tasks(queue: RedisQueue, waiting: RqQueue) -> None:
    queue.enqueue("launch", "job-1", "2")
    (job,) = waiting.get_jobs()
    assert (job.func_name, list(job.args)) == ("portal.tasks.launch", ["job-1", "2"])


def test_equal_keys_wait_once(queue: RedisQueue, waiting: RqQueue) -> None:
    for _ in range(5):
        queue.enqueue("launch", "a", key="a")
    queue.enqueue("launch", "b", key="b")
    queue.enqueue("stop", "a", key="a")
    assert [job.description for job in waiting.get_jobs()] == ["launch(a)", "launch(b)", "stop(a)"]


def test_calls_without_a_key_all_wait(queue: RedisQueue) -> None:
    for _ in range(3):
        queue.enqueue("admit")
    assert queue.depth() == 3


def test_a_key_may_wait_again_once_its_call_runs(
    queue: RedisQueue, waiting: RqQueue, connection: redis.Redis
) -> None:
    queue.enqueue("launch", "a", key="a")
    running = take(waiting, connection)
    begin_turn(running.meta["turn"], connection)
    queue.enqueue("launch", "a", key="a")
    queue.enqueue("launch", "a", key="a")
    assert queue.depth() == 1


def test_a_call_lost_with_its_worker_does_not_keep_others_out(
    queue: RedisQueue, waiting: RqQueue, connection: redis.Redis
) -> None:
    queue.enqueue("launch", "a", key="a")
    take(waiting, connection)  # and killed before it began
    queue.enqueue("launch", "a", key="a")
    queue.enqueue("launch", "a", key="a")
    assert queue.depth() == 1


@pytest.mark.parametrize("key", ["with space", "../../etc", "键", "x" * 500])
def test_any_text_is_a_key(queue: RedisQueue, key: str) -> None:
    queue.enqueue("launch", "a", key=key)
    queue.enqueue("launch", "a", key=key)
    queue.enqueue("launch", "a", key=key + "!")
    assert queue.depth() == 2


def test_a_call_that_nobody_takes_goes_by_itself(queue: RedisQueue, waiting: RqQueue) -> None:
    queue.enqueue("launch", "a", key="a")
    (job,) = waiting.get_jobs()
    assert 0 < waiting.connection.ttl(job.key) <= WAIT_TTL_S


def test_cleaning_removes_what_a_killed_worker_took(
    queue: RedisQueue, waiting: RqQueue, connection: redis.Redis
) -> None:
    queue.enqueue("launch", "a", key="a")
    job = take(waiting, connection)
    assert waiting.intermediate_queue.get_job_ids() == [job.id]
    connection.delete(job.key)  # as its time to live does
    queue.clean()
    assert waiting.intermediate_queue.get_job_ids() == []


def test_redis_away_is_silence_and_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = RedisQueue(f"unix://{tmp_path}/nobody.sock")
    with caplog.at_level(logging.INFO):
        started = time.monotonic()
        for _ in range(50):
            queue.enqueue("launch", "a", key="a")
        assert time.monotonic() - started < 5
    assert queue.depth() == 0
    queue.clean()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    with pytest.raises(TemporaryFailure):
        queue.ping()


def test_it_is_used_again_when_redis_is_back(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    queue = RedisQueue(server.url)
    queue.enqueue("launch", "lost", key="lost")
    with server:
        queue.ping()
        deadline = time.monotonic() + 60
        while not queue.depth() and time.monotonic() < deadline:
            queue.enqueue("launch", "a", key="a")
        assert queue.depth() == 1


@pytest.mark.parametrize("trouble", ["out of memory", "a replica"])
def test_redis_that_takes_no_writes_does_not_answer_the_probe(
    queue: RedisQueue, waiting: RqQueue, connection: redis.Redis, trouble: str
) -> None:
    """It still answers whoever only reads."""
    queue.ping()
    if trouble == "a replica":
        connection.replicaof("127.0.0.1", 1)
    else:
        connection.config_set("maxmemory", 1)
    try:
        assert connection.ping()
        with pytest.raises(TemporaryFailure, match="Redis takes no writes"):
            queue.ping()
        queue.enqueue("launch", "a")  # dropped, not raised
    finally:
        connection.replicaof("NO", "ONE")
        connection.config_set("maxmemory", 0)
    queue.ping()
    assert waiting.count == 0


def test_connections_to_a_replica_are_thrown_away(
    queue: RedisQueue, connection: redis.Redis
) -> None:
    """Behind the address there may be another server by now."""
    queue.ping()
    number = connection.client_id()
    connection.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(TemporaryFailure):
            queue.ping()
        assert connection.client_id() != number
    finally:
        connection.replicaof("NO", "ONE")
