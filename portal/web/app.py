"""The WSGI application: put together here, from the services that ``portal.wiring`` made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.models.sqla.base import SQLA
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import event
from sqlalchemy.engine import Engine

from portal.web import appearance, assets, failures, formats, frame, headers, sessions
from portal.web.configuration import flask_config
from portal.web.security.manager import AoliSecurityManager
from portal.web.security.throttle import Throttle
from portal.web.views import components, preferences

if TYPE_CHECKING:
    from sqlite3 import Connection

PRAGMAS = ("journal_mode=wal", "synchronous=1", "foreign_keys=1", "busy_timeout=15000")


class Builder(AppBuilder):  # type: ignore[misc]
    """Flask-AppBuilder without its own index, menu and language pages."""

    def _add_admin_views(self) -> None:
        self.sm.register_views()

    @property
    def get_url_for_index(self) -> str:
        """Where Flask-AppBuilder sends people when it knows no better."""
        from flask import url_for

        return str(url_for("home.index"))

    @property
    def get_url_for_login(self) -> str:
        """The sign-in page."""
        from flask import url_for

        return str(url_for("SignInView.login"))


def _set_pragmas(connection: Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_sqlite(engine: Engine) -> None:
    """The same rules as peewee's connections: both write to one file."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)


def _speak_the_readers_language(app: Flask) -> None:
    """Flask-AppBuilder asks the session only; we ask the cookie and Accept-Language."""
    app.extensions["babel"].locale_selector = appearance.language


def make_flask(settings: Any, *, initialising: bool = False) -> Flask:
    """Flask with accounts, languages and errors, without the product's pages."""
    app = Flask("portal.web", static_folder=None)
    app.config.update(flask_config(settings, initialising=initialising))
    CSRFProtect(app)
    database = SQLA(app)
    with app.app_context():
        _prepare_sqlite(database.engine)
        Builder(app, database.session, security_manager_class=AoliSecurityManager)
    _speak_the_readers_language(app)
    for part in (assets, appearance, formats, headers, sessions, failures, frame):
        part.install(app)
    return app
