"""Rows of sums that only grow."""

from __future__ import annotations

import peewee

from portal.models.db import Row

DELETED_JOB_EVENTS = "deleted_job_events"
"""Raised by the database itself (a trigger) with every event that is deleted."""


class TallyRow(Row):
    """A sum over what is no longer there, by its name."""

    name = peewee.CharField(64, primary_key=True)
    total = peewee.BigIntegerField()

    class Meta:
        table_name = "tally"
