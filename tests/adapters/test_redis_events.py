"""News over a real Valkey: everyone hears it, one connection, mended after a break."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.adapters.embedded_valkey import EmbeddedValkey
from portal.adapters.redis_events import BOX_SIZE, CHANNEL, Box, RedisEvents
from portal.adapters.redis_link import connect
from portal.ports import Notice


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def events(valkey: EmbeddedValkey) -> Iterator[RedisEvents]:
    made = RedisEvents(valkey.url)
    yield made
    made.close()


def next_notice(news: Iterator[Notice | None], within_s: float = 60) -> Notice:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        notice = next(news)
        if notice is not None:
            return notice
    raise AssertionError("no news came")


def test_news_reach_every_listener(events: RedisEvents) -> None:
    stop = threading.Event()
    listeners = [events.subscribe(stop) for _ in range(3)]
    events.publish("job", "j-1", state="running")
    heard = [next_notice(listener) for listener in listeners]
    assert heard == [Notice("job", "j-1", {"state": "running"})] * 3


def test_many_listeners_share_one_connection(valkey: EmbeddedValkey, events: RedisEvents) -> None:
    stop = threading.Event()
    with connect(valkey.url) as client:
        before = client.pubsub_numsub(CHANNEL)[0][1]
        listeners = [events.subscribe(stop) for _ in range(20)]
        assert client.pubsub_numsub(CHANNEL)[0][1] == before + 1
    del listeners


def test_quiet_is_told_and_stop_ends(events: RedisEvents) -> None:
    stop = threading.Event()
    news = events.subscribe(stop)
    assert next(news) is None
    stop.set()
    assert list(news) == []


def test_a_stranger_on_the_channel_is_ignored(valkey: EmbeddedValkey, events: RedisEvents) -> None:
    news = events.subscribe(threading.Event())
    with connect(valkey.url) as client:
        client.publish(CHANNEL, "not json")
        client.publish(CHANNEL, '{"topic": "job"}')
    events.publish("nodes", "")
    assert next_notice(news).topic == "nodes"


def test_a_slow_listener_loses_the_oldest() -> None:
    box = Box()
    for number in range(BOX_SIZE + 5):
        box.put(Notice("job", str(number), {}))
    first = box.take(0)
    assert first is not None
    assert first.key == "5"


def test_a_forgotten_listener_leaves_nothing_behind(events: RedisEvents) -> None:
    news = events.subscribe(threading.Event())
    assert len(events._boxes) == 1
    del news
    assert len(events._boxes) == 0


def test_away_and_back(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    events = RedisEvents(server.url)
    try:
        events.publish("job", "lost")
        news = events.subscribe(threading.Event())
        for _ in range(2):
            with server, connect(server.url) as client:
                deadline = time.monotonic() + 60
                while client.pubsub_numsub(CHANNEL)[0][1] == 0 and time.monotonic() < deadline:
                    next(news)
                heard = None
                while heard is None and time.monotonic() < deadline:
                    events.publish("job", "heard")
                    heard = next(news)
                assert heard == Notice("job", "heard", {})
    finally:
        events.close()
