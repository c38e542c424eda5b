"""The outbox: mails that are to be sent, and those that lately were."""

from __future__ import annotations

import peewee

from portal.models.db import JsonField, Row, UtcField


class MailRow(Row):
    """A mail. ``key`` names the event that it tells of: one mail per event.

    ``state``: ``waiting`` until ``due_at``, ``sending`` while claimed (until ``due_at``, then
    whoever claimed it is taken for dead), ``sent``, or ``failed`` for good with ``error``.
    """

    id = peewee.BigAutoField()
    key = peewee.CharField(190, unique=True)
    kind = peewee.CharField(32)
    username = peewee.CharField(64, null=True)
    message_id = peewee.CharField(190)
    receivers = JsonField()
    reply_to = peewee.CharField(254, default="")
    subject = peewee.TextField()
    body = peewee.TextField()
    state = peewee.CharField(16, default="waiting")
    tries = peewee.IntegerField(default=0)
    created_at = UtcField()
    due_at = UtcField()
    sent_at = UtcField(null=True)
    error = peewee.TextField(default="")

    class Meta:
        table_name = "mail"
        indexes = ((("state", "due_at"), False), (("kind", "username", "created_at"), False))
