"""Numbers of users are never given twice, and members of a role or group are found fast.

PostgreSQL counts in a sequence. SQLite, unless told otherwise, gives the number of the newest
user who was deleted to the next one, who would then own what was theirs: jobs, templates, sessions.
"""

from typing import Any

import peewee

INDEXES = (
    "CREATE INDEX IF NOT EXISTS ab_user_role_of_role ON ab_user_role (role_id)",
    "CREATE INDEX IF NOT EXISTS ab_user_group_of_group ON ab_user_group (group_id)",
)
OLD_KEY, NEW_KEY = "PRIMARY KEY (id)", "PRIMARY KEY (id AUTOINCREMENT)"


def up(migrator: Any, db: Any) -> None:
    """Nothing to do where there are no accounts yet (in tests of our own tables)."""
    if not db.table_exists("ab_user"):
        return
    for index in INDEXES:
        db.execute_sql(index)
    if isinstance(db, peewee.SqliteDatabase):
        _count_for_good(db)


def _count_for_good(db: Any) -> None:
    """AUTOINCREMENT is a word of the table's definition alone; its pages stay as they are."""
    (definition,) = db.execute_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'ab_user'"
    ).fetchone()
    if OLD_KEY not in definition:
        return
    # The first table of this kind makes sqlite_sequence; making one also tells every
    # connection that the schema is another.
    db.execute_sql("CREATE TABLE counts_for_good (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    db.execute_sql("DROP TABLE counts_for_good")
    db.execute_sql("PRAGMA writable_schema = ON")
    db.execute_sql(
        "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = 'ab_user'",
        (definition.replace(OLD_KEY, NEW_KEY),),
    )
    db.execute_sql("PRAGMA writable_schema = RESET")
    db.execute_sql(
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'ab_user', MAX("
        " COALESCE((SELECT MAX(id) FROM ab_user), 0),"
        " COALESCE((SELECT MAX(user_id) FROM job), 0),"
        " COALESCE((SELECT MAX(owner_id) FROM template), 0),"
        " COALESCE((SELECT MAX(user_id) FROM user_choice), 0))"
    )
