"""All tables of the first version, frozen: later steps change them, this file stays."""

from typing import Any

from peewee import (
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    DateTimeField,
    IntegerField,
    Model,
    TextField,
)


def up(migrator: Any, db: Any) -> None:
    """Create them."""

    class JobRow(Model):
        id = CharField(primary_key=True, max_length=36)
        name = CharField(max_length=128)
        user_id = IntegerField()
        username = CharField(max_length=64)
        vc = CharField(max_length=64)
        kind = CharField(max_length=64)
        device_type = CharField(null=True, max_length=64)
        devices = IntegerField(default=0)
        nodes = IntegerField(default=1)
        preemptible = BooleanField(default=False)
        priority = IntegerField(default=100)
        image = TextField()
        command = TextField()
        spec = TextField()
        state = CharField(max_length=16)
        version = IntegerField(default=1)
        attempt = IntegerField(default=0)
        retries = IntegerField(default=0)
        reason = TextField(null=True)
        queue_position = IntegerField(null=True)
        ahead = TextField(null=True)
        reserved = TextField(null=True)
        exit_code = IntegerField(null=True)
        placement = TextField(null=True)
        submitted_at = DateTimeField()
        waiting_since = DateTimeField()
        not_before = DateTimeField(null=True)
        admitted_at = DateTimeField(null=True)
        launched_at = DateTimeField(null=True)
        launch_tries = IntegerField(default=0)
        started_at = DateTimeField(null=True)
        finished_at = DateTimeField(null=True)
        stop_requested_at = DateTimeField(null=True)
        stop_grace_s = IntegerField(default=30)
        released = BooleanField(default=True)

        class Meta:
            database = db
            table_name = "job"
            indexes = (
                (("submitted_at", "id"), False),
                (("user_id", "submitted_at", "id"), False),
                (("user_id", "state"), False),
                (("vc", "state", "submitted_at"), False),
                (("released", "state"), False),
            )

    db.create_tables([JobRow])

    class JobEventRow(Model):
        id = BigAutoField()
        job = CharField(index=True, max_length=36)
        at = DateTimeField()
        from_state = CharField(null=True, max_length=16)
        to_state = CharField(max_length=16)
        reason = TextField(null=True)
        actor = CharField(null=True, max_length=64)

        class Meta:
            database = db
            table_name = "job_event"

    db.create_tables([JobEventRow])

    class JobSecretRow(Model):
        job = CharField(primary_key=True, max_length=36)
        sealed = TextField()

        class Meta:
            database = db
            table_name = "job_secret"

    db.create_tables([JobSecretRow])

    class ReplicaRow(Model):
        job = CharField(max_length=36)
        attempt = IntegerField()
        name = CharField(max_length=64)
        phase = CharField(max_length=16)
        node = CharField(max_length=253, default="")
        address = CharField(max_length=64, default="")
        exit_code = IntegerField(null=True)
        code = CharField(null=True, max_length=32)
        detail = TextField(default="")
        started_at = DateTimeField(null=True)
        finished_at = DateTimeField(null=True)

        class Meta:
            database = db
            table_name = "replica"
            primary_key = CompositeKey("job", "attempt", "name")

    db.create_tables([ReplicaRow])

    class NodeRow(Model):
        cluster = CharField(max_length=64)
        name = CharField(max_length=253)
        ip = CharField(max_length=64, default="")
        device_type = CharField(null=True, max_length=64)
        devices = IntegerField(default=0)
        ready = BooleanField(default=True)
        cordoned = BooleanField(default=False)
        foreign_devices = IntegerField(default=0)
        simulated = BooleanField(default=False)
        labels = TextField()
        seen_at = DateTimeField()

        class Meta:
            database = db
            table_name = "node"
            primary_key = CompositeKey("cluster", "name")

    db.create_tables([NodeRow])

    class ClusterRow(Model):
        name = CharField(primary_key=True, max_length=64)
        reachable = BooleanField(default=False)
        since = DateTimeField()
        why = TextField(default="")
        plan_epoch = BigIntegerField(default=0)

        class Meta:
            database = db
            table_name = "cluster"

    db.create_tables([ClusterRow])

    class VcRow(Model):
        name = CharField(primary_key=True, max_length=64)
        quota = TextField()
        user_limit = TextField()
        max_run_time_s = IntegerField(null=True)
        preempt_grace_s = IntegerField(default=30)
        version = IntegerField(default=1)
        created_at = DateTimeField()

        class Meta:
            database = db
            table_name = "vc"

    db.create_tables([VcRow])

    class VcMemberRow(Model):
        vc = CharField(max_length=64)
        kind = CharField(max_length=8)
        name = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "vc_member"
            primary_key = CompositeKey("vc", "kind", "name")

    db.create_tables([VcMemberRow])

    class UserChoiceRow(Model):
        user_id = IntegerField(primary_key=True)
        current_vc = CharField(null=True, max_length=64)

        class Meta:
            database = db
            table_name = "user_choice"

    db.create_tables([UserChoiceRow])

    class TemplateRow(Model):
        scope = CharField(max_length=8)
        place = CharField(max_length=64)
        name = CharField(max_length=64)
        owner_id = IntegerField()
        owner = CharField(max_length=64)
        body = TextField()
        updated_at = DateTimeField()

        class Meta:
            database = db
            table_name = "template"
            primary_key = CompositeKey("scope", "place", "name")

    db.create_tables([TemplateRow])
