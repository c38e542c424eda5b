"""The lifeline: a lock on the data folder that lives exactly as long as the supervisor.

The kernel releases it however the supervisor ends. Replicas' shims wait for that and end
their replicas; a second ``aoli up`` on the same folder is refused while it is held.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

NAME = "lifeline.lock"
VARIABLE = "AOLI_LIFELINE"
PATIENCE_S = 3.0
"""A shim that hears of the end holds the lock for a moment: that is not a second portal."""


class AlreadyRunning(Exception):
    """Somebody else holds the lifeline; the text is one readable line."""


class Lifeline:
    """Holds the lock from :meth:`seize` to :meth:`release`."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / NAME
        self._descriptor: int | None = None

    def seize(self) -> None:
        """Take the lock or raise :class:`AlreadyRunning`. Children do not inherit it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + PATIENCE_S
        while not _try_lock(descriptor):
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            if time.monotonic() > deadline or _is_alive(holder):
                os.close(descriptor)
                who = f" (process {holder})" if holder else ""
                raise AlreadyRunning(f"Aoli is already running on {self.path.parent}{who}")
            time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go: replicas end now."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: str) -> bool:
    """Whether the process that wrote its number is still there (zombies are not)."""
    try:
        state = Path(f"/proc/{int(pid)}/stat").read_text("ascii", "replace").rpartition(")")[2]
    except (ValueError, OSError):
        return False
    return state.split()[0] not in ("Z", "X")
