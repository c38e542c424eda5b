"""Columns that Aoli adds to Flask-AppBuilder's ``User``.

They are put on the class itself, before any ``AppBuilder`` is made: a subclass would break the
membership tables of groups. Import this module for its effect.
"""

from __future__ import annotations

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import Integer, String
from sqlalchemy.orm import mapped_column


def _session_id(self: User) -> str:
    """What a session cookie holds: bumping the epoch ends every session of the user."""
    return f"{self.id}.{self.session_epoch or 0}"


def _add_columns() -> None:
    if hasattr(User, "session_epoch"):
        return
    User.nickname = mapped_column(String(64), nullable=True)
    User.phone = mapped_column(String(32), nullable=True)
    User.session_epoch = mapped_column(Integer, nullable=False, default=0, server_default="0")
    User.get_id = _session_id


_add_columns()
