"""A row that is written to see whether the database can be written to."""

from typing import Any

import peewee


class Probe(peewee.Model):
    """The table as this step makes it."""

    id = peewee.IntegerField(primary_key=True)
    at = peewee.DateTimeField()

    class Meta:
        table_name = "probe"
        legacy_table_names = False


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    with db.bind_ctx([Probe]):
        db.create_tables([Probe], safe=False)
