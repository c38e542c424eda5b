"""Edits of a priority are counted, so that a change of two that evens out is seen, too."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the count."""
    db.execute_sql("ALTER TABLE job ADD COLUMN priority_edits INTEGER NOT NULL DEFAULT 0")
