"""Jobs' output, kept as files so that it outlives the pods.

A cluster that does not keep logs itself is read by :meth:`LogKeeper.keep` (all there is up
to now) and by the follower in the scheduler process (as it comes). Both may run at once and
repeat: :class:`~portal.services.logs.appending.Appender` keeps each line once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from portal.domain.job import AttemptRef
from portal.domain.storage_path import log_path
from portal.ports import Cluster
from portal.services.logs import room
from portal.services.logs.appending import Appender


class LogKeeper:
    """Writes the kept output below ``log_dir``; ``portal.services.logs.windows`` reads it."""

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
                if line.endswith(b"\n"):
                    kept.add(line)
                else:
                    kept.redraw(line)
