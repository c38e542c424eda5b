"""Users' public SSH keys."""

from typing import Any

import peewee


class SshKey(peewee.Model):
    """The table as this step makes it."""

    id = peewee.AutoField()
    user_id = peewee.IntegerField()
    name = peewee.CharField(64)
    key = peewee.TextField()
    fingerprint = peewee.CharField(64)
    created_at = peewee.DateTimeField()

    class Meta:
        table_name = "ssh_key"
        legacy_table_names = False
        indexes = ((("user_id", "fingerprint"), True),)


def up(migrator: Any, db: Any) -> None:
    """Create the table."""
    with db.bind_ctx([SshKey]):
        db.create_tables([SshKey], safe=False)
