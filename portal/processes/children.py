"""A supervisor's children: how each is started, what it says, when it is started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portal.adapters.parent_death import dying_with_me

FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 10.0
SETTLED_S = 30.0
"""A child that lived so long has earned a quick restart."""


@dataclass
class Backoff:
    """How long to wait before the next start: doubling while starts keep failing."""

    _delay_s: float = 0.0

    def after(self, lived_s: float) -> float:
        """The delay after a life of ``lived_s`` seconds."""
        if lived_s >= SETTLED_S or not self._delay_s:
            self._delay_s = FIRST_DELAY_S
        else:
            self._delay_s = min(self._delay_s * 2, LONGEST_DELAY_S)
        return self._delay_s


@dataclass
class Child:
    """One child; ``start`` makes its process."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    restart: bool = True
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    last_end: str = ""
    backoff: Backoff = field(default_factory=Backoff)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it (again)."""
        self.process = self.start()
        self.started_at = time.monotonic()
        return self.process

    @property
    def pid(self) -> int | None:
        """Its process id while it is there."""
        return None if self.process is None else self.process.pid

    def ended(self, code: int) -> float:
        """Note that it has been reaped; return the delay before it should be started again."""
        assert self.process is not None
        self.process.returncode = code
        self.process = None
        self.last_end = describe(code)
        return self.backoff.after(time.monotonic() - self.started_at)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it is there."""
        if self.process is not None:
            self.process.send_signal(number)


def spawn_python(
    name: str, environment: Mapping[str, str], keep: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start ``python -m portal.processes NAME``: alone in its session, dying with this process.

    Its own session, so that Ctrl-C reaches only the supervisor, which then ends everything
    in order. ``keep`` are descriptors that it inherits.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "portal.processes", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **environment, "PYTHONUNBUFFERED": "1", "TZ": "UTC"},
        pass_fds=keep,
        start_new_session=True,
        preexec_fn=dying_with_me(),
    )


def describe(code: int) -> str:
    """How a process ended, for people."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def descendants() -> list[int]:
    """Process ids of all children of this process, adopted ones too."""
    pids: list[int] = []
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
                pids += [int(pid) for pid in file.read().split()]
        except OSError:
            continue
    return pids


def kill_all(pids: list[int]) -> None:
    """SIGKILL to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
