"""A small loop for the supervisor: readable descriptors, timers, signals; one thread.

One thread on purpose: the kernel ties a child's "die with my parent" to the thread that
started it, and forking from a process with threads is asking for trouble.
"""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import time
from collections.abc import Callable
from typing import Any

Callback = Callable[[], None]


class EventLoop:
    """Calls back for descriptors, at times, and for signals."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callback]] = []
        self._order = itertools.count()
        self._on_signal: dict[int, Callback] = {}
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.on_readable(self._wake_read, self._take_signals)

    def on_readable(self, descriptor: int, callback: Callback) -> None:
        """Call back whenever there is something to read."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def forget(self, descriptor: int) -> None:
        """No more calls for ``descriptor``."""
        self._selector.unregister(descriptor)

    def after(self, seconds: float, callback: Callback) -> None:
        """Call back once, later."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), callback))

    def on_signal(self, number: signal.Signals, callback: Callback) -> None:
        """Call back from the loop, not from the middle of something."""
        self._on_signal[number] = callback
        signal.signal(number, _ignore)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def run_until(self, done: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Run until ``done``; False when the time was over first."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not done():
            if end is not None and time.monotonic() >= end:
                return False
            self._turn(end)
        return True

    def close(self) -> None:
        """Give the descriptors back; signals have their default effect again."""
        signal.set_wakeup_fd(-1)
        for number in self._on_signal:
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _turn(self, end: float | None) -> None:
        times = [self._timers[0][0]] if self._timers else []
        times += [end] if end is not None else []
        wait = max(min(times) - time.monotonic(), 0) if times else None
        for key, _ in self._selector.select(wait):
            key.data()
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _take_signals(self) -> None:
        for number in dict.fromkeys(os.read(self._wake_read, 512)):
            callback = self._on_signal.get(number)
            if callback is not None:
                callback()


def _ignore(*_: Any) -> None:
    """Python must have a handler for the wake-up descriptor to be written."""
