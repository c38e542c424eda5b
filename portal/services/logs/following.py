"""Follows the output of running replicas into the log store, as it comes.

Runs in the leading scheduler, one thread per replica up to a limit; what is beyond the limit
(or missed while nobody led) is fetched when the replica ends.
"""

from __future__ import annotations

import logging
import threading

from portal.domain.errors import AoliError
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase
from portal.models.db import close
from portal.ports import Cluster
from portal.services.logs.keeper import LogKeeper

log = logging.getLogger(__name__)
MAX_FOLLOWED = 300


class LogFollower:
    """Call it with every observation; it follows what has begun to run."""

    def __init__(self, cluster: Cluster, logs: LogKeeper) -> None:
        self._cluster = cluster
        self._logs = logs
        self._lock = threading.Lock()
        self._followed: set[tuple[AttemptRef, str]] = set()

    def __call__(self, observed: Observed) -> None:
        """Begin to follow the replicas that run and are not followed yet."""
        if self._cluster.keeps_logs:
            return
        for replica in observed.replicas:
            if replica.phase is ReplicaPhase.RUNNING:
                self._begin((observed.ref, replica.name))

    def _begin(self, key: tuple[AttemptRef, str]) -> None:
        with self._lock:
            if key in self._followed or len(self._followed) >= MAX_FOLLOWED:
                return
            self._followed.add(key)
        name = f"log-{key[0]}-{key[1]}"
        threading.Thread(target=self._follow, args=key, name=name, daemon=True).start()

    def _follow(self, ref: AttemptRef, replica: str) -> None:
        try:
            self._logs.copy(ref, replica, follow=True)
        except AoliError as error:
            log.info("following %s of %s broke off: %s", replica, ref, error)
        except OSError as error:
            log.warning("the output of %s of %s cannot be kept: %s", replica, ref, error)
        finally:
            with self._lock:
                self._followed.discard((ref, replica))
            close()
