"""Rows of the audit log: written once, never changed (triggers of the database see to it)."""

from __future__ import annotations

import peewee

from portal.models.db import JsonField, Row, UtcField


class AuditRow(Row):
    """One change: when, by whom, from which address, to what, and how it was before and after."""

    id = peewee.BigAutoField()
    at = UtcField()
    actor = peewee.CharField(64)
    address = peewee.CharField(64, default="")
    action = peewee.CharField(64)
    object_type = peewee.CharField(32)
    object = peewee.CharField(256)
    before = JsonField(null=True)
    after = JsonField(null=True)

    class Meta:
        table_name = "audit"
        indexes = (
            (("actor", "id"), False),
            (("object_type", "object", "id"), False),
            (("at", "id"), False),
        )
