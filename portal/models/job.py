"""Rows of jobs, their history, their secrets and their replicas."""

from __future__ import annotations

import peewee

from portal.models.db import JsonField, Row, UtcField


class JobRow(Row):
    """A job. ``state`` and ``version`` change together, guarded, with an event row.

    ``priority_edits`` counts the changes of the priority, which are no transitions.
    ``reason`` of a waiting job is ``new`` unless something holds for it alone: what is said to
    all that are alike is in :class:`QueueNoteRow`. ``reserved`` is the place that the last plan
    keeps for it.
    ``spec`` holds what has no column of its own: ports, endpoints, mounts, env, extra.
    """

    id = peewee.CharField(36, primary_key=True)
    name = peewee.CharField(128)
    user_id = peewee.IntegerField()
    username = peewee.CharField(64)
    vc = peewee.CharField(64)
    kind = peewee.CharField(64)
    device_type = peewee.CharField(64, null=True)
    devices = peewee.IntegerField(default=0)
    nodes = peewee.IntegerField(default=1)
    preemptible = peewee.BooleanField(default=False)
    priority = peewee.IntegerField(default=100)
    priority_edits = peewee.IntegerField(default=0)
    image = peewee.TextField()
    command = peewee.TextField()
    spec = JsonField()
    state = peewee.CharField(16)
    version = peewee.IntegerField(default=1)
    attempt = peewee.IntegerField(default=0)
    retries = peewee.IntegerField(default=0)
    reason = JsonField(null=True)
    reserved = JsonField(null=True)
    exit_code = peewee.IntegerField(null=True)
    placement = JsonField(null=True)
    submitted_at = UtcField()
    waiting_since = UtcField()
    not_before = UtcField(null=True)
    admitted_at = UtcField(null=True)
    launched_at = UtcField(null=True)
    launch_tries = peewee.IntegerField(default=0)
    started_at = UtcField(null=True)
    finished_at = UtcField(null=True)
    stop_requested_at = UtcField(null=True)
    stop_grace_s = peewee.IntegerField(default=30)
    released = peewee.BooleanField(default=True)
    output_lost = peewee.IntegerField(default=0)
    """The attempt that ended while there was no room for its output; 0: none."""

    class Meta:
        table_name = "job"
        indexes = (
            (("submitted_at", "id"), False),
            (("user_id", "submitted_at", "id"), False),
            (("user_id", "state"), False),
            # Lists a user's jobs of one VC by time, and counts them by state from it alone.
            (("user_id", "vc", "submitted_at", "id", "state"), False),
            (("vc", "state", "submitted_at"), False),
            (("released", "state"), False),
            (("state", "submitted_at"), False),
        )


WAITS = peewee.SQL("state = 'queued'")
"""As the indexes of the queue have it; with a parameter in it SQLite would not use them."""
NOT_LATER = peewee.SQL("not_before IS NULL")
LATER = peewee.SQL("not_before IS NOT NULL")
RESERVED = peewee.SQL("reserved IS NOT NULL")
_REQUEST = (JobRow.vc, JobRow.device_type, JobRow.devices, JobRow.nodes, JobRow.preemptible)
_LINE = (JobRow.vc, JobRow.device_type, JobRow.preemptible)
_PLACE = (JobRow.priority.desc(), JobRow.submitted_at, JobRow.id)
for _name, _columns, _where in (
    ("job_request", (*_REQUEST, *_PLACE, JobRow.waiting_since, JobRow.username), WAITS & NOT_LATER),
    ("job_line", (*_LINE, *_PLACE, JobRow.devices, JobRow.username), WAITS),
    ("job_owner", (JobRow.user_id, JobRow.username, JobRow.vc), WAITS),
    ("job_since", (JobRow.waiting_since,), WAITS),
    ("job_later", (JobRow.not_before,), WAITS & LATER),
    ("job_reserved", (peewee.fn.LENGTH(JobRow.reserved),), WAITS & RESERVED),
    ("job_edited", (JobRow.priority_edits,), WAITS & (JobRow.priority_edits > 0)),
):
    JobRow.add_index(JobRow.index(*_columns, where=_where, name=_name))


class JobEventRow(Row):
    """One transition: from where (NULL at submission), to where, why, by whom."""

    id = peewee.BigAutoField()
    job = peewee.CharField(36, index=True)
    at = UtcField()
    from_state = peewee.CharField(16, null=True)
    to_state = peewee.CharField(16)
    reason = JsonField(null=True)
    actor = peewee.CharField(64, null=True)

    class Meta:
        table_name = "job_event"


class JobSecretRow(Row):
    """The registry login of a job that has not ended, encrypted; gone when it ends."""

    job = peewee.CharField(36, primary_key=True)
    sealed = peewee.TextField()

    class Meta:
        table_name = "job_secret"


class ReplicaRow(Row):
    """A replica as the cluster last reported it."""

    job = peewee.CharField(36)
    attempt = peewee.IntegerField()
    name = peewee.CharField(64)
    phase = peewee.CharField(16)
    node = peewee.CharField(253, default="")
    address = peewee.CharField(64, default="")
    exit_code = peewee.IntegerField(null=True)
    code = peewee.CharField(32, null=True)
    detail = peewee.TextField(default="")
    started_at = UtcField(null=True)
    finished_at = UtcField(null=True)

    class Meta:
        table_name = "replica"
        primary_key = peewee.CompositeKey("job", "attempt", "name")
