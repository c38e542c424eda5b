"""Rows of plugins in trouble."""

from __future__ import annotations

import peewee

from portal.models.db import Row, UtcField


class PluginMarkRow(Row):
    """The newest trouble with a plugin: it was ``slow`` or ``failed``, in which member, why."""

    group = peewee.CharField(64)
    name = peewee.CharField(64)
    version = peewee.CharField(64)
    state = peewee.CharField(16)
    member = peewee.CharField(64)
    why = peewee.TextField()
    at = UtcField()

    class Meta:
        table_name = "plugin_mark"
        primary_key = peewee.CompositeKey("group", "name")
