"""The queue is read from its indexes; why jobs wait is noted once for those that are alike."""

import json
from typing import Any

import peewee
from playhouse.migrate import migrate

NEW = {"code": "new", "message": "Waiting for the next scheduling pass."}
REQUEST = "vc, device_type, devices, nodes, preemptible, priority DESC, submitted_at, id"
LINE = "vc, device_type, preemptible, priority DESC, submitted_at, id"
INDEXES = {
    # The first of each request, in their order.
    "job_request": (f"{REQUEST}, waiting_since, username", " AND not_before IS NULL"),
    # The line that a job stands in, in its order.
    "job_line": (f"{LINE}, devices, username", ""),
    # Whose jobs wait.
    "job_owner": ("user_id, username, vc", ""),
    "job_since": ("waiting_since", ""),
    "job_edited": ("priority_edits", " AND priority_edits > 0"),
    # Those of which something holds for them alone; a place itself may be too long for an index.
    "job_later": ("not_before", " AND not_before IS NOT NULL"),
    "job_reserved": ("LENGTH(reserved)", " AND reserved IS NOT NULL"),
}


class QueueNote(peewee.Model):
    """What the last pass says of the queue."""

    id = peewee.IntegerField(primary_key=True)
    notes = peewee.TextField()

    class Meta:
        table_name = "queue_note"
        legacy_table_names = False


class Job(peewee.Model):
    """The columns that change."""

    id = peewee.CharField(36, primary_key=True)
    state = peewee.CharField(16)
    reason = peewee.TextField(null=True)
    reserved = peewee.TextField(null=True)

    class Meta:
        table_name = "job"
        legacy_table_names = False


def up(migrator: Any, db: Any) -> None:
    """Indexes over waiting jobs alone, the table of notes; what each row said is void."""
    with db.bind_ctx([QueueNote]):
        db.create_tables([QueueNote])
    for name, (columns, which) in INDEXES.items():
        db.execute_sql(f"CREATE INDEX {name} ON job ({columns}) WHERE state = 'queued'{which}")
    with db.bind_ctx([Job]):
        waiting = Job.update(reason=json.dumps(NEW), reserved=None).where(Job.state == "queued")
        waiting.execute()
    migrate(
        migrator.drop_column("job", "queue_position"),
        migrator.drop_column("job", "ahead"),
    )
