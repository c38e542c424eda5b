"""Submissions that may be sent again without a second job."""

from typing import Any

import peewee


class SubmissionKey(peewee.Model):
    """The table as this step makes it."""

    user_id = peewee.IntegerField()
    key = peewee.CharField(255)
    digest = peewee.CharField(64)
    job = peewee.CharField(36)
    at = peewee.DateTimeField(index=True)

    class Meta:
        table_name = "submission_key"
        legacy_table_names = False
        primary_key = peewee.CompositeKey("user_id", "key")


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    with db.bind_ctx([SubmissionKey]):
        db.create_tables([SubmissionKey], safe=False)
