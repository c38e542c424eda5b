"""Jobs' output, kept as files so that it outlives the pods; read from there by everyone.

A cluster that does not keep logs itself is read by :meth:`LogKeeper.keep` (all there is up
to now) and by the follower in the scheduler process (as it comes). Both may run at once and
repeat: :class:`~portal.services.logs.appending.Appender` keeps each line once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event

from portal.domain.job import AttemptRef
from portal.domain.storage_path import log_path
from portal.ports import Cluster
from portal.services.logs import room
from portal.services.logs.appending import Appender
from portal.services.logs.files import BLOCK, read_from, reading, tail


class LogKeeper:
    """Writes and reads the kept output below ``log_dir``."""

    def __init__(
        self, cluster: Cluster, log_dir: str, free: Callable[[str], int] = room.free_bytes
    ) -> None:
        self._cluster = cluster
        self._log_dir = log_dir
        self._free = free

    def free_bytes(self) -> int:
        """Room for output; raises ``OSError`` when the folder is away."""
        return self._free(self._log_dir)

    def is_full(self) -> bool:
        """Whether lines may have been lost for want of room."""
        try:
            return self.free_bytes() < room.LEAST_BYTES
        except OSError:
            return True

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

        A line is kept once however often it is brought. Returns when there is no more;
        raises ``TemporaryFailure`` when the cluster does not answer.
        """
        with Appender(self.path(ref, replica)) as kept:
            for line in self._cluster.logs(ref, replica, since=kept.since, follow=follow):
                kept.add(line)

    def tail(self, ref: AttemptRef, replica: str, lines: int) -> list[bytes]:
        """The newest ``lines`` lines, oldest first."""
        return tail(self.path(ref, replica), lines)

    def whole(self, ref: AttemptRef, replica: str) -> Iterator[bytes]:
        """The whole kept output in blocks."""
        try:
            with reading(), self.path(ref, replica).open("rb") as file:
                while block := file.read(BLOCK):
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
            with reading():
                return self.path(ref, replica).stat().st_size
        except FileNotFoundError:
            return 0
