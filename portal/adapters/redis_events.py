"""The Events port over Redis pub/sub: one connection per process, however many listen.

Each listener has a short queue of its own; one that does not keep up loses its oldest news,
which is harmless: pages also poll.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

import redis
from redis.client import PubSub

from portal.adapters.redis_link import Away, Link, connect
from portal.ports import Notice

log = logging.getLogger(__name__)

CHANNEL = "aoli:events"
BOX_SIZE = 1000
QUIET_S = 1.0
"""A listener hears ``None`` after so long without news, to look at its own time."""
READY_S = 1.0
RETRY_S = 0.5


class Box:
    """The news that one listener has not taken yet."""

    def __init__(self) -> None:
        self._news: queue.Queue[Notice] = queue.Queue(BOX_SIZE)

    def put(self, notice: Notice) -> None:
        """Add; the oldest gives way when the box is full."""
        while True:
            try:
                self._news.put_nowait(notice)
                return
            except queue.Full:
                self.take(0)

    def take(self, timeout_s: float) -> Notice | None:
        """The oldest, or ``None`` after ``timeout_s``."""
        try:
            return self._news.get(timeout_s > 0, timeout_s)
        except queue.Empty:
            return None


class RedisEvents:
    """Publishes and listens. Nothing here raises; the reader starts with the first listener.

    Boxes are held weakly: a listener that went away without a word takes its box along.
    """

    def __init__(self, url: str, connection: redis.Redis | None = None) -> None:
        self._connection = connection or connect(url)
        self._link = Link("events", self._connection.connection_pool.disconnect)
        self._boxes: WeakSet[Box] = WeakSet()
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._listening = threading.Event()
        self._closed = threading.Event()

    def publish(self, topic: str, key: str, **data: Any) -> None:
        """Tell everyone who listens; lost when Redis is away."""
        text = json.dumps({"topic": topic, "key": key, "data": data}, default=str)
        self._link.attempt(lambda: self._connection.publish(CHANNEL, text))

    def subscribe(self, stop: threading.Event) -> Iterator[Notice | None]:
        """All news from this call on until ``stop``; ``None`` when a second was quiet."""
        box = Box()
        with self._lock:
            self._boxes.add(box)
            if self._reader is None:
                self._reader = threading.Thread(target=self._read, name="events", daemon=True)
                self._reader.start()
        self._listening.wait(READY_S)
        return self._drain(box, stop)

    def close(self) -> None:
        """End the reader; for tests and orderly ends."""
        self._closed.set()
        if self._reader is not None:
            self._reader.join(QUIET_S + READY_S)
        self._connection.close()

    @staticmethod
    def _drain(box: Box, stop: threading.Event) -> Iterator[Notice | None]:
        while not stop.is_set():
            yield box.take(QUIET_S)

    def _read(self) -> None:
        """Keep one subscription alive until closed."""
        away = False
        while not self._closed.is_set():
            try:
                with PubSub(self._connection.connection_pool) as channel:
                    channel.subscribe(CHANNEL)
                    if away:
                        log.info("events: listening again")
                        away = False
                    self._pass_on(channel)
            except Exception as error:
                if not away and not self._closed.is_set():
                    expected = isinstance(error, (*Away, redis.RedisError))
                    log.warning("events: not listening: %s", error, exc_info=not expected)
                    away = True
                self._listening.clear()
                self._closed.wait(RETRY_S)

    def _pass_on(self, channel: PubSub) -> None:
        while not self._closed.is_set():
            message = channel.get_message(timeout=QUIET_S / 2)
            if message is None:
                continue
            if message["type"] == "subscribe":
                self._listening.set()
            elif message["type"] == "message":
                self._hand_out(message["data"])

    def _hand_out(self, text: bytes) -> None:
        try:
            fields = json.loads(text)
            notice = Notice(fields["topic"], fields["key"], fields["data"])
        except (ValueError, KeyError, TypeError):
            log.warning("events: not a notice of ours: %.200r", text)
            return
        with self._lock:
            boxes = list(self._boxes)
        for box in boxes:
            box.put(notice)
