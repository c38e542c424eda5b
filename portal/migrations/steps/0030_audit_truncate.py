"""PostgreSQL empties a table without asking a row's trigger: the audit log refuses that too."""

from typing import Any

import peewee


def up(migrator: Any, db: Any) -> None:
    """Add the guard; SQLite has no such statement."""
    if isinstance(db, peewee.SqliteDatabase):
        return
    db.execute_sql(
        "CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE PROCEDURE audit_is_append_only()"
    )
