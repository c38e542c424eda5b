"""What users hold and booked, as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from portal.services.cluster_views import user_item
from portal.services.user_usage import UserUse

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
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by spreadsheets, not shown."""


def csv_text(lines: Iterable[UserUse]) -> Iterator[str]:
    """The table in parts, ``-`` for what is not known. UTF-8 with a mark that Excel needs."""
    yield "\ufeff" + _line(HEADS.values())
    for use in lines:
        item = user_item(use)
        yield _line("-" if item[key] is None else _safe(item[key]) for key in HEADS)


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(list(cells))
    return text.getvalue()
