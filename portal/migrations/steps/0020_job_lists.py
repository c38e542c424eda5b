"""A user's jobs in one virtual cluster: listed by time and counted by state from one index."""

from typing import Any

import peewee


class Job(peewee.Model):
    """The columns of the index."""

    id = peewee.CharField(36, primary_key=True)
    user_id = peewee.IntegerField()
    vc = peewee.CharField(64)
    submitted_at = peewee.DateTimeField()
    state = peewee.CharField(16)

    class Meta:
        table_name = "job"
        legacy_table_names = False


def up(migrator: Any, db: Any) -> None:
    """Add the index."""
    with db.bind_ctx([Job]):
        columns = (Job.user_id, Job.vc, Job.submitted_at, Job.id, Job.state)
        db.execute(Job.index(*columns, name="jobrow_user_id_vc_submitted_at_id_state"))
