"""What runs by the clock: the full pass, the due tick, and what the cluster's watch reports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from portal.domain.job import AttemptRef
from portal.domain.job_state import STOPPING, JobState, Trigger
from portal.domain.launch import Observed
from portal.domain.reason import Reason
from portal.domain.resources import Node
from portal.models import JobRow, VcRow
from portal.ports import Cluster, Events, Queue
from portal.services.records import inventory, job_store
from portal.services.running.driving import Driver
from portal.services.vcs import reading as virtual_clusters

log = logging.getLogger(__name__)
DUE_AFTER_S = 3
"""A step that nobody took for so long is asked for again."""
FRESH_S = 5
"""An attempt launched so shortly before a look may not be in it yet."""
MAX_DUE = 500


class Passes:
    """The periodic work of the leading scheduler. Every call may be repeated."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        driver: Driver,
        queue: Queue,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._driver = driver
        self._queue = queue
        self._clock = clock

    def full_pass(self) -> int:
        """Compare every job that holds something with the cluster; the truth if news was lost.

        Returns the number of jobs looked at. Raises ``TemporaryFailure`` when the cluster
        does not answer.
        """
        asked_at = self._clock()
        changed = inventory.record_nodes(self._cluster.name, self._cluster.nodes(), self._clock())
        virtual_clusters.ensure_first(self._clock())
        seen = self._cluster.observe_all()
        mended = inventory.record_reachable(self._cluster.name, True, "", self._clock())
        if changed or mended:
            self._queue.enqueue("admit", key="admit")
        return self.compare(seen, asked_at)

    def compare(self, seen: Mapping[AttemptRef, Observed], asked_at: datetime) -> int:
        """Bring the jobs that hold something together with everything seen at ``asked_at``."""
        held: dict[AttemptRef, Any] = {}
        rows = JobRow.select(JobRow.id, JobRow.attempt, JobRow.launched_at).where(
            JobRow.released == False
        )
        for row in rows:
            held[AttemptRef(row.id, row.attempt)] = row.launched_at
        for ref, launched_at in held.items():
            if ref in seen:
                self._driver.observed(seen[ref])
            elif launched_at is None or launched_at < asked_at - timedelta(seconds=FRESH_S):
                self._queue.enqueue("drive", ref.job_id, key=f"drive-{ref.job_id}")
        for ref, observed in seen.items():
            if ref not in held and not observed.gone:
                self._queue.enqueue("sweep", ref.job_id, str(ref.attempt))
        return len(held)

    def due(self) -> int:
        """Ask again for the next step of jobs that stand still; the number of them."""
        self.overtime()
        self.stop_unheld()
        before = self._clock() - timedelta(seconds=DUE_AFTER_S)
        stopping = [state.value for state in STOPPING]
        rows = (
            JobRow.select(JobRow.id)
            .where(
                JobRow.released == False,
                (
                    (JobRow.state == JobState.SCHEDULING.value)
                    & JobRow.launched_at.is_null()
                    & (JobRow.admitted_at < before)
                )
                | (
                    JobRow.state.in_(stopping)
                    & (JobRow.stop_requested_at.is_null() | (JobRow.stop_requested_at < before))
                )
                | (JobRow.finished_at < before),
            )
            .limit(MAX_DUE)
        )
        ids = [row.id for row in rows]
        for job_id in ids:
            self._queue.enqueue("drive", job_id, key=f"drive-{job_id}")
        return len(ids)

    def stop_unheld(self) -> int:
        """Take the last step of stops that have nothing left to wait for; the number of them.

        No call leaves such a job; a database that an older version wrote may hold some, and
        nothing on the cluster would ever tell of them.
        """
        now = self._clock()
        stopping = [state.value for state in STOPPING]
        rows: Any = (
            JobRow.select(JobRow.id)
            .where(JobRow.released == True, JobRow.state.in_(stopping))
            .limit(MAX_DUE)
            .tuples()
        )
        count = sum(job_store.finish_stop(job_id, now) for (job_id,) in rows)
        if count:
            self._queue.enqueue("admit", key="admit")
        return count

    def overtime(self) -> int:
        """Kill jobs that have run longer than their VC allows; the number of them."""
        now = self._clock()
        count = 0
        for row in VcRow.select().where(VcRow.max_run_time_s.is_null(False)):
            begun_before = now - timedelta(seconds=row.max_run_time_s or 0)
            late = JobRow.select().where(
                JobRow.vc == row.name,
                JobRow.state == JobState.RUNNING.value,
                JobRow.started_at < begun_before,
            )
            reason = Reason("max_run_time", {"seconds": row.max_run_time_s})
            for job in [job_store.load_job(found) for found in late.limit(MAX_DUE)]:
                if job_store.transition(job, Trigger.KILL, now, reason=reason):
                    self._queue.enqueue("drive", job.id, key=f"drive-{job.id}")
                    count += 1
        return count

    def sweep(self, job_id: str, attempt: int) -> None:
        """Take an attempt that no job owns off the cluster."""
        self._driver.sweep(Observed(AttemptRef(job_id, attempt)))


class WatchHandler:
    """Takes in what the cluster's watch reports (``ports.ClusterListener``)."""

    def __init__(
        self,
        *,
        cluster_name: str,
        driver: Driver,
        passes: Passes,
        queue: Queue,
        events: Events,
        clock: Callable[[], datetime],
        follow: Callable[[Observed], None],
    ) -> None:
        self._name = cluster_name
        self._driver = driver
        self._passes = passes
        self._queue = queue
        self._events = events
        self._clock = clock
        self._follow = follow

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """Keep the nodes; plan anew when there is anything new."""
        changed = inventory.record_nodes(self._name, nodes, self._clock())
        mended = inventory.record_reachable(self._name, True, "", self._clock())
        if changed or mended:
            virtual_clusters.ensure_first(self._clock())
            self._events.publish("nodes", self._name)
            self._queue.enqueue("admit", key="admit")

    def attempt_changed(self, observed: Observed) -> None:
        """Take in one attempt."""
        self._follow(observed)
        self._driver.observed(observed)

    def listed(self, observed: Mapping[AttemptRef, Observed]) -> None:
        """Take in everything, after the watch (re)started."""
        inventory.record_reachable(self._name, True, "", self._clock())
        for one in observed.values():
            self._follow(one)
        self._passes.compare(observed, self._clock())

    def unreachable(self, why: str) -> None:
        """Note that the cluster does not answer."""
        log.warning("the cluster does not answer: %s", why)
        if inventory.record_reachable(self._name, False, why[:500], self._clock()):
            self._events.publish("nodes", self._name)
