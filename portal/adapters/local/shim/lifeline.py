"""The lock that the portal's supervisor holds as long as it lives.

The kernel lets go of it when the supervisor ends, however it ends; a thread that waits for
the lock is how a shim hears of that at once and without looking again and again.
"""

from __future__ import annotations

import _thread
import fcntl
import os

STACK_SIZE = 256 * 1024


def is_cut(path: str) -> bool:
    """Whether nobody holds the lock. A file that is missing was locked by nobody."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def hold(path: str) -> int:
    """A pipe that becomes readable when the supervisor lets go."""
    cut, end = os.pipe()
    _thread.stack_size(STACK_SIZE)
    _thread.start_new_thread(_wait, (path, end))
    return cut


def _wait(path: str, end: int) -> None:
    try:
        fd = os.open(path, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_SH)
        # Not kept: the next supervisor wants the lock.
        os.close(fd)
    finally:
        os.write(end, b"x")
