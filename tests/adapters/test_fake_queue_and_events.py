"""The in-memory queue and events."""

import threading

import pytest

from portal.domain.errors import TemporaryFailure
from portal.testing import FakeEvents, FakeQueue, QueuedCall


def test_one_waiting_call_per_task_and_key() -> None:
    queue = FakeQueue()
    queue.enqueue("drive", "a", key="a")
    queue.enqueue("drive", "a", key="a")
    queue.enqueue("drive", "b", key="b")
    queue.enqueue("admit")
    queue.enqueue("admit")
    assert [call.args for call in queue.waiting] == [("a",), ("b",), (), ()]


def test_draining_runs_what_is_enqueued_meanwhile() -> None:
    seen: list[str] = []
    queue = FakeQueue()

    def drive(job: str) -> None:
        seen.append(job)
        if job == "a":
            queue.enqueue("drive", "b", key="b")

    queue.tasks["drive"] = drive
    queue.enqueue("drive", "a", key="a")
    assert queue.drain() == 2
    assert seen == ["a", "b"]
    assert queue.done == [QueuedCall("drive", ("a",), "a"), QueuedCall("drive", ("b",), "b")]


def test_calls_that_never_end_are_found() -> None:
    queue = FakeQueue()
    queue.tasks["loop"] = lambda: queue.enqueue("loop")
    queue.enqueue("loop")
    with pytest.raises(AssertionError, match="for ever"):
        queue.drain(limit=10)


def test_a_queue_that_is_away_loses_calls_silently() -> None:
    queue = FakeQueue()
    queue.away = True
    queue.enqueue("admit")
    assert queue.waiting == []
    with pytest.raises(TemporaryFailure):
        queue.ping()


def test_news_reaches_those_who_subscribed_before() -> None:
    events, stop = FakeEvents(), threading.Event()
    events.publish("job", "early")
    news = events.subscribe(stop)
    assert next(news) is None
    events.publish("job", "j1", state="running")
    notice = next(news)
    assert notice is not None
    assert (notice.topic, notice.key, dict(notice.data)) == ("job", "j1", {"state": "running"})
    stop.set()
    assert list(news) == []
    assert [notice.key for notice in events.notices] == ["early", "j1"]
