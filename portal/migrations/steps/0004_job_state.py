"""Jobs of all users by state, without a walk through those that have ended."""

from typing import Any

import peewee


class Job(peewee.Model):
    """The columns of the index."""

    state = peewee.CharField(16)
    submitted_at = peewee.DateTimeField()

    class Meta:
        table_name = "job"
        legacy_table_names = False


def up(migrator: Any, db: Any) -> None:
    """Add the index."""
    with db.bind_ctx([Job]):
        index = Job.index(Job.state, Job.submitted_at, name="jobrow_state_submitted_at")
        db.execute(index)
