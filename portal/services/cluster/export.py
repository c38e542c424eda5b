"""What users hold and booked, as a table for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from portal.services.cluster.views import user_item
from portal.services.records import csv_table
from portal.services.usage.by_user import UserUse

HEADS = {
    "username": "Username",
    "device_type": "Device Type",
    "allocated": "Currently Allocated",
    "allocated_preemptible": "Currently Allocated Preemptible",
    "idle": "Currently Idle",
    "booked_hours": "Past Month Booked Hour",
    "idle_hours": "Past Month Idle Hour",
    "idle_percent": "Past Month Idle Hour %",
}


def csv_text(lines: Iterable[UserUse]) -> Iterator[str]:
    """The table in parts, ``-`` for what is not known. UTF-8 with a mark that Excel needs."""
    yield csv_table.MARK + csv_table.line(HEADS.values())
    for use in lines:
        item = user_item(use)
        yield csv_table.line("-" if item[key] is None else item[key] for key in HEADS)
