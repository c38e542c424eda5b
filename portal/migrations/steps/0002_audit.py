"""The audit log, which only grows."""

from typing import Any

import peewee

SQLITE_GUARDS = (
    (
        "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_keeps_values BEFORE UPDATE ON audit"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    ),
)
POSTGRES_GUARDS = (
    (
        "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger AS $$"
        " BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$ LANGUAGE plpgsql"
    ),
    (
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit"
        " FOR EACH ROW EXECUTE PROCEDURE audit_is_append_only()"
    ),
)


class Audit(peewee.Model):
    """The table as this step makes it."""

    id = peewee.BigAutoField()
    at = peewee.DateTimeField()
    actor = peewee.CharField(64)
    address = peewee.CharField(64)
    action = peewee.CharField(64)
    object_type = peewee.CharField(32)
    object = peewee.CharField(256)
    before = peewee.TextField(null=True)
    after = peewee.TextField(null=True)

    class Meta:
        table_name = "audit"
        legacy_table_names = False
        indexes = (
            (("actor", "id"), False),
            (("object_type", "object", "id"), False),
            (("at", "id"), False),
        )


def up(migrator: Any, db: Any) -> None:
    """Create the table and what forbids changing its rows."""
    with db.bind_ctx([Audit]):
        db.create_tables([Audit], safe=False)
    guards = SQLITE_GUARDS if isinstance(db, peewee.SqliteDatabase) else POSTGRES_GUARDS
    for guard in guards:
        db.execute_sql(guard)
