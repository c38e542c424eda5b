"""Lists of jobs as tables for spreadsheets, made as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from portal.domain.permission import Actor
from portal.models.db import session
from portal.services.jobs.listing import JobQuery, every_job
from portal.services.queueing import waiting
from portal.services.records import csv_table

HEADS = {
    "id": "Id",
    "name": "Name",
    "status": "Status",
    "reason": "Reason",
    "total_devices": "Number of Device",
    "device_type": "Device Type",
    "devices": "Devices per Node",
    "nodes": "Number of Nodes",
    "user": "User",
    "vc": "VcName",
    "kind": "Job Type",
    "preemptible": "Preemptible",
    "priority": "Priority",
    "attempts": "Attempts",
    "exit_code": "Exit Code",
    "submitted_at": "Submitted",
    "started_at": "Started",
    "finished_at": "Finished",
}


def csv_blocks(actor: Actor, query: JobQuery) -> Iterator[str]:
    """The table in blocks, newest job first; times are RFC 3339 in UTC.

    The query is checked at once (``Forbidden``, ``InvalidSpec``); the blocks may be read after
    the request, each takes a database connection for itself.
    """
    batches = every_job(actor, query)
    return _blocks(actor, batches)


def _blocks(actor: Actor, batches: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    yield csv_table.MARK + csv_table.line(HEADS.values())
    while True:
        with session():
            batch = next(batches, None)
            if batch is None:
                return
            waiting.tell(batch)
            waiting.for_reader(actor, batch)
        yield "".join(csv_table.line(_cell(job, key) for key in HEADS) for job in batch)


def _cell(job: dict[str, Any], key: str) -> object:
    value = job[key]
    if key == "reason":
        return value["message"] if value else None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return value
