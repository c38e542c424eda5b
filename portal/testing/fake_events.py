"""``Events`` in memory: all news is kept, and handed to whoever subscribed."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import Any

from portal.ports import Notice

POLL_S = 0.05


class FakeEvents:
    """See the module. ``notices`` holds everything published, in order."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self._subscribers: list[SimpleQueue[Notice]] = []
        self._lock = Lock()

    def publish(self, topic: str, key: str, **data: Any) -> None:
        """See the port."""
        notice = Notice(topic, key, data)
        with self._lock:
            self.notices.append(notice)
            for subscriber in self._subscribers:
                subscriber.put(notice)

    def subscribe(self, stop: Event) -> Iterator[Notice | None]:
        """See the port; subscribed from this call on, not from the first ``next``."""
        inbox: SimpleQueue[Notice] = SimpleQueue()
        with self._lock:
            self._subscribers.append(inbox)
        return self._news(inbox, stop)

    def _news(self, inbox: SimpleQueue[Notice], stop: Event) -> Iterator[Notice | None]:
        try:
            while not stop.is_set():
                try:
                    yield inbox.get(timeout=POLL_S)
                except Empty:
                    yield None
        finally:
            with self._lock:
                self._subscribers.remove(inbox)
