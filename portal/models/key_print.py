"""The one row that tells which secret key is in use."""

from __future__ import annotations

import peewee

from portal.models.db import Row, UtcField


class KeyPrintRow(Row):
    """The newest secret key's fingerprint, and which machine left it when."""

    fingerprint = peewee.CharField(64, primary_key=True)
    host = peewee.CharField(255)
    noted_at = UtcField()

    class Meta:
        table_name = "key_print"
