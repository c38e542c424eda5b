"""Rows of submissions that may be sent again without a second job."""

from __future__ import annotations

import peewee

from portal.models.db import Row, UtcField


class SubmissionKeyRow(Row):
    """Under which key a user has submitted which job; ``digest`` tells the body."""

    user_id = peewee.IntegerField()
    key = peewee.CharField(255)
    digest = peewee.CharField(64)
    job = peewee.CharField(36)
    at = UtcField(index=True)

    class Meta:
        table_name = "submission_key"
        primary_key = peewee.CompositeKey("user_id", "key")
