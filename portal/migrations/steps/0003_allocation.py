"""Who held how many devices, and when; jobs that hold some now are taken in."""

from datetime import UTC
from typing import Any

import peewee


class Allocation(peewee.Model):
    """The table as this step makes it."""

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
        legacy_table_names = False
        indexes = (
            (("job", "attempt"), True),
            (("vc", "begun_ms", "device_type", "username", "devices"), False),
            (("vc", "ended_ms", "device_type", "username", "devices"), False),
            (("begun_ms", "device_type", "devices"), False),
            (("ended_ms", "device_type", "devices"), False),
        )


class Job(peewee.Model):
    """The columns that are read."""

    id = peewee.CharField(36, primary_key=True)
    attempt = peewee.IntegerField()
    username = peewee.CharField(64)
    vc = peewee.CharField(64)
    device_type = peewee.CharField(64, null=True)
    devices = peewee.IntegerField()
    nodes = peewee.IntegerField()
    preemptible = peewee.BooleanField()
    admitted_at = peewee.DateTimeField(null=True)
    released = peewee.BooleanField()

    class Meta:
        table_name = "job"
        legacy_table_names = False


def up(migrator: Any, db: Any) -> None:
    """Create the table; begin the holds that there are."""
    with db.bind_ctx([Allocation, Job]):
        db.create_tables([Allocation], safe=False)
        holding = Job.select().where(
            Job.released == False,  # noqa: E712
            Job.device_type.is_null(False),
            Job.devices > 0,
            Job.admitted_at.is_null(False),
        )
        rows: Any = list(holding)
        for job in rows:
            Allocation.insert(
                job=job.id,
                attempt=job.attempt,
                username=job.username,
                vc=job.vc,
                device_type=job.device_type,
                devices=job.devices * job.nodes,
                preemptible=job.preemptible,
                begun_ms=round(job.admitted_at.replace(tzinfo=UTC).timestamp() * 1000),
            ).execute()
