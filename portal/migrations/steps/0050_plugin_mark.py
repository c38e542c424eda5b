"""Plugins that were slow or failed."""

from typing import Any

import peewee


class PluginMark(peewee.Model):
    """The table as this step makes it."""

    group = peewee.CharField(64)
    name = peewee.CharField(64)
    version = peewee.CharField(64)
    state = peewee.CharField(16)
    member = peewee.CharField(64)
    why = peewee.TextField()
    at = peewee.DateTimeField()

    class Meta:
        table_name = "plugin_mark"
        legacy_table_names = False
        primary_key = peewee.CompositeKey("group", "name")


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    with db.bind_ctx([PluginMark]):
        db.create_tables([PluginMark], safe=False)
