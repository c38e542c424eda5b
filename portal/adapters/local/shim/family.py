"""All processes below the shim, found through /proc and ended.

The shim is a "child subreaper": whoever outlives its parent becomes a child of the shim,
whatever session or group it went to. So there is nothing left when there are no children.
"""

from __future__ import annotations

import os
import time

SIGKILL, SIGTERM = 9, 15
PAUSE_S = 0.005


def descendants() -> list[int]:
    """Processes below this one, parents first."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(_parent(name), []).append(int(name))
    found: list[int] = []
    level = children.get(os.getpid(), [])
    while level:
        found += level
        level = [child for pid in level for child in children.get(pid, [])]
    return found


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def signal_all(number: int) -> None:
    """Send a signal to everyone below."""
    for pid in descendants():
        try:
            os.kill(pid, number)
        except OSError:
            continue


def reap() -> dict[int, int]:
    """Bury the dead; their wait statuses by process id."""
    dead: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return dead
        if pid == 0:
            return dead
        dead[pid] = status


def alone() -> bool:
    """Whether nobody is left below, not even a dead one."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def end_all(patience_s: float) -> bool:
    """Kill everyone below; whether that was achieved in time.

    Repeated, for somebody may have forked in between. It fails on processes that may not
    be signalled (they changed their user) or hang in the kernel.
    """
    deadline = time.monotonic() + patience_s
    while not alone():
        signal_all(SIGKILL)
        if alone():
            break
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_S)
    return True
