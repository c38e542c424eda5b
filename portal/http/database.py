"""When a request fails because the database does: said as what it is, not as our mistake."""

from __future__ import annotations

from flask import current_app, g

from portal.domain.errors import TemporaryFailure
from portal.models import db
from portal.people import engine


class DatabaseAway(TemporaryFailure):
    """The database does not answer, is full or can only be read: nothing can be looked up."""


def as_unavailable(error: Exception) -> DatabaseAway | None:
    """What to answer if ``error`` is the database's trouble; its connection is thrown away.

    From then on the request asks the database nothing: not even who is asking.
    """
    words = engine.trouble(error)
    if words is None:
        return None
    db.throw_away()
    g.database_is_away = True
    g.user = g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]
    return DatabaseAway(words)


def let_go() -> None:
    """Give the connections of this request back, before an answer from outside is waited for."""
    db.let_go()


def is_away() -> bool:
    """Whether this request has met a database in trouble."""
    return bool(getattr(g, "database_is_away", False))
