"""Which attempt of a job ended while there was no room for its output."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the attempt's number; 0 for none."""
    db.execute_sql("ALTER TABLE job ADD COLUMN output_lost INTEGER NOT NULL DEFAULT 0")
