"""The portal's own numbers for Prometheus, from what the database has at hand.

Only sums leave here, no names: whoever watches the portal need not be its user.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any

from peewee import fn

from portal.domain.job_state import JobState
from portal.models import JobEventRow, JobRow, NodeRow
from portal.models.db import session
from portal.ports import Queue
from portal.services.logs.keeper import LogKeeper
from portal.services.mail import outbox as mail
from portal.services.vcs import reading as virtual_clusters

KEEP_S = 5.0
"""Numbers are counted at most so often, however many ask."""

Sample = tuple[Mapping[str, str], float]


class PortalMetrics:
    """Counts, keeps for :data:`KEEP_S`, and writes the Prometheus text format."""

    def __init__(
        self, queue: Queue, logs: LogKeeper, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue = queue
        self._logs = logs
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
                    self._text = "".join(self._families())
                self._counted_at = now
            return self._text

    def _families(self) -> Iterable[str]:
        yield _family("aoli_jobs", "gauge", "Jobs by status.", _jobs())
        depth = getattr(self._queue, "depth", None)
        if depth is not None:
            yield _family(
                "aoli_queue_depth", "gauge", "Calls that wait for a worker.", [({}, depth())]
            )
        yield _family(
            "aoli_job_transitions_total",
            "counter",
            "Changes of a job's status, submissions included.",
            [({}, _transitions())],
        )
        yield _family("aoli_devices", "gauge", "Devices of the cluster by type.", _devices())
        yield _family(
            "aoli_devices_used", "gauge", "Devices that jobs hold, by type.", _used_devices()
        )
        mails = mail.outstanding()
        about = "Mails that are not sent yet."
        yield _family("aoli_mail_outbox", "gauge", about, [({}, mails["waiting"])])
        about = "Mails that were given up in the last month."
        yield _family("aoli_mail_failed", "gauge", about, [({}, mails["failed"])])
        yield _family("aoli_nodes", "gauge", "Nodes by what they may take.", _nodes())
        about = "Room for the output of jobs; -1 when its folder is away."
        yield _family("aoli_log_free_bytes", "gauge", about, [({}, _room(self._logs))])


def _jobs() -> list[Sample]:
    rows: Any = JobRow.select(JobRow.state, fn.COUNT(JobRow.id)).group_by(JobRow.state).tuples()
    counted = dict(rows)
    return [({"status": state.value}, counted.get(state.value, 0)) for state in JobState]


def _transitions() -> int:
    """The newest event's number: events are numbered as they come, and counting is slow."""
    newest: int | None = JobEventRow.select(fn.MAX(JobEventRow.id)).scalar()
    return newest or 0


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


def _family(name: str, kind: str, about: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{_labels(labels)} {value}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
