"""Columns that Aoli adds to Flask-AppBuilder's tables.

They are put on its classes themselves, before any ``AppBuilder`` is made: a subclass of
``User`` would break the membership tables of groups. Import this module for its effect.
"""

from __future__ import annotations

from typing import Any

from flask_appbuilder.security.sqla.models import Group, Role, User
from sqlalchemy import DateTime, Integer, String, inspect, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import mapped_column
from sqlalchemy.schema import CreateColumn


def _session_id(self: User) -> str:
    """What a session cookie holds: bumping the epoch ends every session of the user."""
    return f"{self.id}.{self.session_epoch or 0}"


def _columns() -> dict[Any, dict[str, Any]]:
    return {
        User: {
            "nickname": mapped_column(String(64), nullable=True),
            "phone": mapped_column(String(32), nullable=True),
            "session_epoch": mapped_column(Integer, nullable=False, default=0, server_default="0"),
            "password_changed_on": mapped_column(DateTime, nullable=True),
        },
        Role: {"description": mapped_column(String(512), nullable=True)},
        Group: {"created_on": mapped_column(DateTime, nullable=True)},
    }


def _add_columns() -> None:
    if hasattr(User, "session_epoch"):
        return
    for table, columns in _columns().items():
        for name, column in columns.items():
            setattr(table, name, column)
    User.get_id = _session_id


def add_to_old_tables(engine: Engine) -> None:
    """Give tables that an older version made the columns they lack; part of the init step.

    It runs before Flask-AppBuilder's own part, which reads these tables at once.
    """
    present = inspect(engine)
    tables = set(present.get_table_names())
    for table, columns in _columns().items():
        name = table.__tablename__
        known = {column["name"] for column in present.get_columns(name)} if name in tables else None
        for column in () if known is None else sorted(set(columns) - known):
            definition = CreateColumn(table.__table__.c[column]).compile(dialect=engine.dialect)
            with engine.begin() as connection:
                connection.execute(text(f"ALTER TABLE {name} ADD COLUMN {definition}"))


_add_columns()
