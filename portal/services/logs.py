"""Jobs' output, kept as files so that it outlives the pods; read from there by everyone.

A cluster that does not keep logs itself is read by :meth:`LogKeeper.keep` (all there is up
to now) and by the follower in the scheduler process (as it comes). Both append under a lock
and continue from the time of the last kept line, so they may run at once and repeat.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from threading import Event

from portal.domain.job import AttemptRef
from portal.domain.storage_path import log_path
from portal.ports import Cluster

_BLOCK = 65536


def time_of(line: bytes) -> datetime | None:
    """The time at the beginning of a kept line."""
    stamp = line.split(b" ", 1)[0].rstrip(b"\n").decode("ascii", "replace")
    try:
        return datetime.fromisoformat(_microseconds(stamp))
    except ValueError:
        return None


def _microseconds(stamp: str) -> str:
    """Cut nanoseconds: Python's parser takes six digits."""
    head, dot, rest = stamp.partition(".")
    if not dot:
        return stamp
    digits = rest.rstrip("Z")
    return f"{head}.{digits[:6].ljust(6, '0')}+00:00" if rest.endswith("Z") else stamp


class LogKeeper:
    """Writes and reads the kept output below ``log_dir``."""

    def __init__(self, cluster: Cluster, log_dir: str) -> None:
        self._cluster = cluster
        self._log_dir = log_dir

    def path(self, ref: AttemptRef, replica: str) -> Path:
        """The file of one replica's output."""
        return Path(log_path(self._log_dir, ref, replica))

    def keep(self, ref: AttemptRef, replicas: Iterable[str]) -> None:
        """Append what the cluster has and the files have not yet; nothing to do for some."""
        if self._cluster.keeps_logs:
            return
        for replica in replicas:
            self.copy(ref, replica, follow=False)

    def copy(self, ref: AttemptRef, replica: str, *, follow: bool) -> None:
        """Append the output of one replica, following it to its end if asked.

        Lines are compared by their whole time stamp, so a line is kept once however often
        it is brought. Returns when there is no more; raises ``TemporaryFailure`` when the
        cluster does not answer.
        """
        path = self.path(ref, replica)
        path.parent.mkdir(parents=True, exist_ok=True)
        last = last_line(path)
        stamp = last.split(b" ", 1)[0] if last else b""
        since = time_of(last) if last else None
        with path.open("ab") as file:
            for line in self._cluster.logs(ref, replica, since=since, follow=follow):
                if stamp and line.split(b" ", 1)[0] <= stamp:
                    continue
                stamp = self._append(file.fileno(), path, line, stamp)

    def _append(self, descriptor: int, path: Path, line: bytes, stamp: bytes) -> bytes:
        """Write one line unless another keeper was faster; return the newest stamp."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            newest = last_line(path)
            if newest and newest.split(b" ", 1)[0] > stamp:
                stamp = newest.split(b" ", 1)[0]
            own = line.split(b" ", 1)[0]
            if not stamp or own > stamp or not newest:
                os.write(descriptor, line)
                return own
            return stamp
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def tail(self, ref: AttemptRef, replica: str, lines: int) -> list[bytes]:
        """The newest ``lines`` lines, oldest first."""
        return tail(self.path(ref, replica), lines)

    def whole(self, ref: AttemptRef, replica: str) -> Iterator[bytes]:
        """The whole kept output in blocks."""
        try:
            with self.path(ref, replica).open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block
        except FileNotFoundError:
            return

    def grow(
        self, ref: AttemptRef, replica: str, offset: int, stop: Event, poll_s: float = 0.2
    ) -> Iterator[tuple[int, bytes]]:
        """New whole lines from ``offset`` on, with the offset behind them, until ``stop``.

        Yields ``(offset, b"")`` about every ``poll_s`` seconds when there is nothing new.
        """
        path = self.path(ref, replica)
        while not stop.is_set():
            block = read_from(path, offset)
            offset += len(block)
            yield offset, block
            if not block:
                stop.wait(poll_s)

    def size(self, ref: AttemptRef, replica: str) -> int:
        """Bytes kept so far."""
        try:
            return self.path(ref, replica).stat().st_size
        except FileNotFoundError:
            return 0


def read_from(path: Path, offset: int, maximum: int = 262144) -> bytes:
    """Whole lines from ``offset`` on, of at most ``maximum`` bytes."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            block = file.read(maximum)
    except FileNotFoundError:
        return b""
    end = block.rfind(b"\n") + 1
    return block[:end] if end else (block if len(block) == maximum else b"")


def tail(path: Path, lines: int) -> list[bytes]:
    """The last ``lines`` lines of a file, read from its end."""
    if lines <= 0:
        return []
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            position = file.tell()
            blocks: deque[bytes] = deque()
            newlines = 0
            while position > 0 and newlines <= lines:
                size = min(_BLOCK, position)
                position -= size
                file.seek(position)
                block = file.read(size)
                newlines += block.count(b"\n")
                blocks.appendleft(block)
    except FileNotFoundError:
        return []
    return split_lines(b"".join(blocks))[-lines:]


def split_lines(block: bytes) -> list[bytes]:
    """The lines with their ends. Only ``\\n`` ends one: a progress bar's ``\\r`` is text."""
    lines = [line + b"\n" for line in block.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def last_line(path: Path) -> bytes:
    """The last line, or nothing."""
    found = tail(path, 1)
    return found[0] if found else b""
