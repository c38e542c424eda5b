"""All processes below the shim, found through /proc and ended.

The shim is a "child subreaper": whoever outlives its parent becomes a child of the shim,
whatever session or group it went to. So there is nothing left when there are no children.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SIGKILL, SIGTERM, SIGCONT, SIGSTOP = 9, 15, 18, 19
PAUSE_S = 0.005
YOUNG_S = 0.2


def descendants(above: Iterable[int] = ()) -> list[int]:
    """Processes below those ``above`` (below this one when none are given), parents first."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(_parent(name), []).append(int(name))
    found: list[int] = []
    level = [child for pid in above or (os.getpid(),) for child in children.get(pid, [])]
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
    _signal(descendants(), number)


def ask_all(number: int) -> None:
    """Send a signal to all who are there at this moment, and to none who comes later.

    Everybody is made to stand still first. Else one that was just started would not hear of
    it, and one that is started in answer (it may write a checkpoint) would. What a shell
    starts between the signal and its trap is taken for an answer.
    """
    still: set[int] = set()
    while fresh := set(descendants()) - still:
        _signal(fresh, SIGSTOP)
        still |= fresh
    lines = {pid: _command_line(pid) for pid in still}
    young = {pid for pid in still if lines[pid] == lines.get(_parent(str(pid)))}
    _signal(still - young, number)
    _signal(still, SIGCONT)
    _ask_when_grown(young, lines, number)


def _ask_when_grown(young: set[int], lines: dict[int, bytes], number: int) -> None:
    """Copies of their parent that perhaps are about to become another program.

    A shell's child takes signals as the shell does, and forgets them when it becomes its
    program. So it is asked then; one that stays a copy (a subshell) is asked a moment later.
    """
    deadline = time.monotonic() + YOUNG_S
    while young and time.monotonic() < deadline:
        time.sleep(PAUSE_S)
        grown = {pid for pid in young if _command_line(pid) != lines[pid]}
        _signal(grown, number)
        young = young - grown
    if young:
        _signal({*young, *descendants(young)}, number)


def _command_line(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
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
