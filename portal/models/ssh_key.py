"""Rows of users' public SSH keys."""

from __future__ import annotations

import peewee

from portal.models.db import Row, UtcField


class SshKeyRow(Row):
    """A public key; ``key`` is its type and its body in base64, as in ``authorized_keys``."""

    id = peewee.AutoField()
    user_id = peewee.IntegerField()
    name = peewee.CharField(64)
    key = peewee.TextField()
    fingerprint = peewee.CharField(64)
    created_at = UtcField()

    class Meta:
        table_name = "ssh_key"
        indexes = ((("user_id", "fingerprint"), True),)
