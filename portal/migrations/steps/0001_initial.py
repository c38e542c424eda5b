"""All tables of the first version."""

from typing import Any

from portal.models import OWNED


def up(migrator: Any, db: Any) -> None:
    """Create them."""
    db.create_tables(OWNED)
