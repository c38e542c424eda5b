"""The outbox of mails."""

from typing import Any

import peewee


class Mail(peewee.Model):
    """The table as this step makes it."""

    id = peewee.BigAutoField()
    key = peewee.CharField(190, unique=True)
    kind = peewee.CharField(32)
    username = peewee.CharField(64, null=True)
    message_id = peewee.CharField(190)
    receivers = peewee.TextField()
    reply_to = peewee.CharField(254)
    subject = peewee.TextField()
    body = peewee.TextField()
    state = peewee.CharField(16)
    tries = peewee.IntegerField()
    created_at = peewee.DateTimeField()
    due_at = peewee.DateTimeField()
    sent_at = peewee.DateTimeField(null=True)
    error = peewee.TextField()

    class Meta:
        table_name = "mail"
        legacy_table_names = False
        indexes = ((("state", "due_at"), False), (("kind", "username", "created_at"), False))


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    with db.bind_ctx([Mail]):
        db.create_tables([Mail], safe=False)
