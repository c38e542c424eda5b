"""Rows of the cluster as last seen: nodes, and whether it answers."""

from __future__ import annotations

import peewee

from portal.models.db import JsonField, Row, UtcField


class NodeRow(Row):
    """A node as the watch last reported it."""

    cluster = peewee.CharField(64)
    name = peewee.CharField(253)
    ip = peewee.CharField(64, default="")
    device_type = peewee.CharField(64, null=True)
    devices = peewee.IntegerField(default=0)
    ready = peewee.BooleanField(default=True)
    cordoned = peewee.BooleanField(default=False)
    foreign_devices = peewee.IntegerField(default=0)
    simulated = peewee.BooleanField(default=False)
    labels = JsonField()
    seen_at = UtcField()

    class Meta:
        table_name = "node"
        primary_key = peewee.CompositeKey("cluster", "name")


class ClusterRow(Row):
    """A cluster: whether it answers and since when.

    ``plan_epoch`` counts the plans that were put into force: a plan made from a snapshot of
    an older epoch is thrown away."""

    name = peewee.CharField(64, primary_key=True)
    reachable = peewee.BooleanField(default=False)
    since = UtcField()
    why = peewee.TextField(default="")
    plan_epoch = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "cluster"


class QueueNoteRow(Row):
    """Why the jobs wait that are alike, as the last pass found: one row, number 1."""

    id = peewee.IntegerField(primary_key=True)
    notes = JsonField()

    class Meta:
        table_name = "queue_note"
