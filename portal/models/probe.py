"""The row that is written to see whether the database can be written to."""

from __future__ import annotations

import peewee

from portal.models.db import Row, UtcField


class ProbeRow(Row):
    """One row: when it was last asked."""

    id = peewee.IntegerField(primary_key=True)
    at = UtcField()

    class Meta:
        table_name = "probe"
