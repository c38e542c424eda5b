"""A ``Queue`` that waits for the test to say :meth:`FakeQueue.drain`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock

from portal.domain.errors import TemporaryFailure


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """One call that waits."""

    task: str
    args: tuple[str, ...]
    key: str | None = None


class FakeQueue:
    """Keeps calls in order; ``away`` makes it lose them, as the real one may.

    ``tasks`` maps a task's name to what :meth:`drain` calls; a name that is not in it is
    taken off and kept in ``done`` only.
    """

    def __init__(self, tasks: Mapping[str, Callable[..., object]] | None = None) -> None:
        self.tasks = dict(tasks or {})
        self.away = False
        self.waiting: list[QueuedCall] = []
        self.done: list[QueuedCall] = []
        self._lock = RLock()

    def enqueue(self, task: str, *args: str, key: str | None = None) -> None:
        """See the port."""
        with self._lock:
            call = QueuedCall(task, args, key)
            known = any(key is not None and (c.task, c.key) == (task, key) for c in self.waiting)
            if not self.away and not known:
                self.waiting.append(call)

    def ping(self) -> None:
        """See the port."""
        if self.away:
            raise TemporaryFailure("the queue does not answer")

    def drain(self, limit: int = 1000) -> int:
        """Run everything that waits, and what it enqueues; return how many ran."""
        ran = 0
        while True:
            with self._lock:
                if not self.waiting:
                    return ran
                call = self.waiting.pop(0)
                self.done.append(call)
            if ran == limit:
                raise AssertionError(f"more than {limit} calls: they enqueue each other for ever")
            if call.task in self.tasks:
                self.tasks[call.task](*call.args)
            ran += 1
