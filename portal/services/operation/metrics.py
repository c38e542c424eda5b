"""The portal's own numbers for Prometheus, from what the database has at hand.

Only sums leave here, no names: whoever watches the portal need not be its user.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import Any

from peewee import SQL, fn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.domain.job_state import JobState
from portal.models import JobEventRow, JobRow, NodeRow, TallyRow
from portal.models.db import session
from portal.models.tally import DELETED_JOB_EVENTS
from portal.ports import Queue
from portal.services.logs.keeper import LogKeeper
from portal.services.mail import outbox as mail
from portal.services.vcs import reading as virtual_clusters

KEEP_S = 5.0
"""Numbers are counted at most so often, however many ask."""

Sample = tuple[Mapping[str, str], float]


class PortalCollector(Collector):
    """The families of metrics, counted anew whenever they are collected."""

    def __init__(self, queue: Queue, logs: LogKeeper) -> None:
        self._queue = queue
        self._logs = logs

    def collect(self) -> Iterator[Metric]:
        """Needs a database session."""
        yield _gauge("aoli_jobs", "Jobs by status.", _jobs())
        depth = getattr(self._queue, "depth", None)
        if depth is not None:
            yield _gauge("aoli_queue_depth", "Calls that wait for a worker.", [({}, depth())])
        about = "Changes of a job's status, submissions included, of deleted jobs too."
        yield CounterMetricFamily("aoli_job_transitions", about, value=_transitions())
        yield _gauge("aoli_devices", "Devices of the cluster by type.", _devices())
        yield _gauge("aoli_devices_used", "Devices that jobs hold, by type.", _used_devices())
        mails = mail.outstanding()
        about = "Mails that are not sent yet."
        yield _gauge("aoli_mail_outbox", about, [({}, mails["waiting"])])
        about = "Mails that were given up in the last month."
        yield _gauge("aoli_mail_failed", about, [({}, mails["failed"])])
        yield _gauge("aoli_nodes", "Nodes by what they may take.", _nodes())
        about = "Room for the output of jobs; -1 when its folder is away."
        yield _gauge("aoli_log_free_bytes", about, [({}, _room(self._logs))])


class PortalMetrics:
    """Counts, keeps for :data:`KEEP_S`, and writes the Prometheus text format."""

    def __init__(
        self, queue: Queue, logs: LogKeeper, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(PortalCollector(queue, logs))
        self._timer = timer
        self._lock = Lock()
        self._text = ""
        self._counted_at: float | None = None

    def text(self) -> str:
        """All metrics in the text format, version 0.0.4."""
        with self._lock:
            now = self._timer()
            if self._counted_at is None or now - self._counted_at >= KEEP_S:
                with session():
                    self._text = generate_latest(self._registry).decode()
                self._counted_at = now
            return self._text


def _gauge(name: str, about: str, samples: Iterable[Sample]) -> Metric:
    family = Metric(name, about, "gauge")
    for labels, value in samples:
        family.add_sample(name, dict(labels), value)
    return family


def _jobs() -> list[Sample]:
    rows: Any = JobRow.select(JobRow.state, fn.COUNT(JobRow.id)).group_by(JobRow.state).tuples()
    counted = dict(rows)
    return [({"status": state.value}, counted.get(state.value, 0)) for state in JobState]


def _transitions() -> int:
    """Events that are there and those that were deleted, as one statement sees them.

    The newest event's number is no count: PostgreSQL's sequence leaves numbers out when a
    transaction fails, and SQLite gives the numbers of deleted rows again.
    """
    deleted = TallyRow.select(TallyRow.total).where(TallyRow.name == DELETED_JOB_EVENTS)
    total: int = JobEventRow.select(fn.COUNT(SQL("*")) + deleted).scalar()
    return total


def _devices() -> list[Sample]:
    totals = virtual_clusters.device_totals()
    return [({"device_type": kind}, total) for kind, total in sorted(totals.items())]


def _used_devices() -> list[Sample]:
    sums = dict.fromkeys(sorted(virtual_clusters.device_totals()), 0)
    for (_, kind), used in virtual_clusters.used_devices().items():
        sums[kind] = sums.get(kind, 0) + used
    return [({"device_type": kind}, used) for kind, used in sums.items()]


def _nodes() -> list[Sample]:
    counted = {"ready": 0, "cordoned": 0, "not_ready": 0}
    for row in NodeRow.select(NodeRow.ready, NodeRow.cordoned):
        counted["not_ready" if not row.ready else "cordoned" if row.cordoned else "ready"] += 1
    return [({"status": status}, number) for status, number in counted.items()]


def _room(logs: LogKeeper) -> int:
    try:
        return logs.free_bytes()
    except OSError:
        return -1
