"""How full the cluster's storage is, as this machine sees it mounted."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock

log = logging.getLogger(__name__)
AMBER, RED = 0.85, 0.95
WAIT_S = 0.5
"""A page waits no longer for a file system."""


@dataclass(frozen=True, slots=True)
class StorageUsage:
    """One file system: bytes used and bytes in all."""

    path: str
    used: int
    total: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.used / self.total if self.total else 0.0

    @property
    def level(self) -> str:
        """``""``, ``warn`` or ``dng``."""
        if self.share >= RED:
            return "dng"
        return "warn" if self.share >= AMBER else ""


Reader = Callable[[str], tuple[int, StorageUsage]]
"""From a folder to its file system's number and usage; raises ``OSError``."""


def read_usage(path: str) -> tuple[int, StorageUsage]:
    """The file system that a folder is in."""
    device = os.stat(path).st_dev
    stats = os.statvfs(path)
    total = stats.f_blocks * stats.f_frsize
    return device, StorageUsage(path, total - stats.f_bavail * stats.f_frsize, total)


@dataclass(slots=True)
class _Question:
    answered: Event = field(default_factory=Event)
    answer: tuple[int, StorageUsage] | None = None
    failed: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Storage:
    """What was found: each file system once, and the folders that do not answer."""

    found: Sequence[StorageUsage] = ()
    silent: Sequence[str] = ()


class StorageWatch:
    """Reads file systems without waiting for one that hangs: a network's may, for hours.

    Each folder is read by a thread of its own. One that has not answered within ``wait_s``
    is silent until its answer comes; meanwhile nobody waits for it again.
    """

    def __init__(self, read: Reader = read_usage, wait_s: float = WAIT_S) -> None:
        self._read = read
        self._wait_s = wait_s
        self._lock = Lock()
        self._asked: dict[str, _Question] = {}

    def usage(self, paths: Mapping[str, str]) -> Storage:
        """The file systems behind ``paths`` (name to folder); folders that are not there left out.

        Each is named after the first of the folders in it.
        """
        questions = {path: self._ask(path) for path in dict.fromkeys(paths.values())}
        until = time.monotonic() + self._wait_s
        found: dict[int, StorageUsage] = {}
        silent = []
        for path, question in questions.items():
            answered = question.answered.wait(0 if question.late else until - time.monotonic())
            question.late = not answered
            if answered:
                self._forget(path, question)
            if not answered or question.failed:
                silent.append(path)
            elif question.answer is not None:
                device, usage = question.answer
                found.setdefault(device, usage)
        return Storage(list(found.values()), silent)

    def _ask(self, path: str) -> _Question:
        """The question that is out already, or a new one."""
        with self._lock:
            question = self._asked.get(path)
            if question is None or question.answered.is_set():
                question = self._asked[path] = _Question()
                name = f"storage-{path}"
                target = partial(self._answer, path, question)
                threading.Thread(target=target, name=name, daemon=True).start()
            return question

    def _forget(self, path: str, question: _Question) -> None:
        """Keep no questions that are answered: every user has a folder of their own."""
        with self._lock:
            if self._asked.get(path) is question:
                del self._asked[path]

    def _answer(self, path: str, question: _Question) -> None:
        try:
            question.answer = self._read(path)
        except FileNotFoundError:
            pass  # nothing is mounted there
        except OSError as error:
            log.warning("the storage at %s cannot be read: %s", path, error)
            question.failed = True
        finally:
            question.answered.set()
