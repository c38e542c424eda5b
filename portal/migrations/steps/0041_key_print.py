"""Which secret key the portal's processes have: machines with another one are noticed."""

from typing import Any

import peewee


class KeyPrint(peewee.Model):
    """The table as this step makes it."""

    fingerprint = peewee.CharField(64, primary_key=True)
    host = peewee.CharField(255)
    noted_at = peewee.DateTimeField()

    class Meta:
        table_name = "key_print"
        legacy_table_names = False


def up(migrator: Any, db: Any) -> None:
    """Create the table; the first process that starts fills it."""
    with db.bind_ctx([KeyPrint]):
        db.create_tables([KeyPrint], safe=False)
