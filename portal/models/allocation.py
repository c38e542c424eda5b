"""Rows of allocations: who held how many devices, from when to when."""

from __future__ import annotations

import peewee

from portal.models.db import Row


class AllocationRow(Row):
    """One attempt's hold on devices, from its admission to its release (NULL: holds them now).

    Written in the transaction that begins or ends the hold, and kept when the job is deleted.
    Times are milliseconds since 1970, so that the database itself can add them up.
    """

    id = peewee.BigAutoField()
    job = peewee.CharField(36)
    attempt = peewee.IntegerField()
    username = peewee.CharField(64)
    vc = peewee.CharField(64)
    device_type = peewee.CharField(64)
    devices = peewee.IntegerField()
    preemptible = peewee.BooleanField()
    begun_ms = peewee.BigIntegerField()
    ended_ms = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = "allocation"
        # Each sum over a span of time is answered from one of these indexes alone.
        indexes = (
            (("job", "attempt"), True),
            (("vc", "begun_ms", "device_type", "username", "devices"), False),
            (("vc", "ended_ms", "device_type", "username", "devices"), False),
            (("begun_ms", "device_type", "devices"), False),
            (("ended_ms", "device_type", "devices"), False),
        )
