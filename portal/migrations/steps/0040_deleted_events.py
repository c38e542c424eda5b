"""How many events were deleted: a count of all that ever happened must not fall with them.

The database itself counts, in the transaction that deletes, whoever deletes.
"""

from typing import Any

import peewee

SQLITE = (
    (
        "CREATE TRIGGER job_event_counts_deleted AFTER DELETE ON job_event"
        " BEGIN UPDATE tally SET total = total + 1 WHERE name = 'deleted_job_events'; END"
    ),
)
# Once a statement, not once a row: each change of the one row would be read by all later ones.
POSTGRES = (
    (
        "CREATE OR REPLACE FUNCTION count_deleted_job_events() RETURNS trigger AS $$"
        " BEGIN UPDATE tally SET total = total + (SELECT COUNT(*) FROM gone)"
        " WHERE name = 'deleted_job_events'; RETURN NULL; END $$ LANGUAGE plpgsql"
    ),
    (
        "CREATE TRIGGER job_event_counts_deleted AFTER DELETE ON job_event"
        " REFERENCING OLD TABLE AS gone"
        " FOR EACH STATEMENT EXECUTE PROCEDURE count_deleted_job_events()"
    ),
)


class Tally(peewee.Model):
    """The table as this step makes it."""

    name = peewee.CharField(64, primary_key=True)
    total = peewee.BigIntegerField()

    class Meta:
        table_name = "tally"
        legacy_table_names = False


def up(migrator: Any, db: Any) -> None:
    """Create the table, its one row and what counts."""
    with db.bind_ctx([Tally]):
        db.create_tables([Tally], safe=False)
        Tally.insert(name="deleted_job_events", total=0).execute()
    for statement in SQLITE if isinstance(db, peewee.SqliteDatabase) else POSTGRES:
        db.execute_sql(statement)
