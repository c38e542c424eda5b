"""The Flask application that everything is put on, and the pages on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask, url_for
from flask_appbuilder import AppBuilder
from flask_appbuilder.models.sqla.base import SQLA
from flask_wtf.csrf import CSRFProtect
from werkzeug.routing import IntegerConverter, Map

from portal.http import streams
from portal.people import administration, columns, engine
from portal.settings import Settings
from portal.web.base import (
    appearance,
    assets,
    compression,
    failures,
    formats,
    frame,
    headers,
    sessions,
    simulated,
)
from portal.web.base.configuration import flask_config
from portal.web.cluster import page as cluster
from portal.web.home import components, plugins, preferences, search
from portal.web.home import page as home
from portal.web.jobs import acts as job_acts
from portal.web.jobs import console_page as job_console
from portal.web.jobs import page as job
from portal.web.people import menu as people
from portal.web.people.pages import BLUEPRINTS
from portal.web.sign_in import outside
from portal.web.sign_in.manager import AoliSecurityManager
from portal.web.sign_in.throttle import Throttle
from portal.web.submit import page as submit
from portal.web.vcs import page as virtual_clusters

MAX_ROW = 2**31 - 1


class RowNumber(IntegerConverter):
    """``<int:…>`` in an address; a number that no database has for a row is not found."""

    def __init__(self, map: Map, *given: Any, **named: Any) -> None:  # noqa: A002 - its name
        super().__init__(map, *given, **{"max": MAX_ROW, **named})


class Builder(AppBuilder):  # type: ignore[misc]
    """Flask-AppBuilder without its own index, menu and language pages."""

    def _add_admin_views(self) -> None:
        self.sm.register_views()

    @property
    def get_url_for_index(self) -> str:
        """Where Flask-AppBuilder sends people when it knows no better."""
        return str(url_for("home.index"))

    @property
    def get_url_for_login(self) -> str:
        """The sign-in page."""
        return str(url_for("SignInView.login"))


def _speak_the_readers_language(app: Flask) -> None:
    """Flask-AppBuilder asks the session only; we ask the cookie and Accept-Language."""
    app.extensions["babel"].locale_selector = appearance.language


def make_flask(
    settings: Settings, secret_keys: Sequence[str], *, initialising: bool = False
) -> Flask:
    """Flask with accounts, languages and errors, without the product's pages.

    The first of ``secret_keys`` signs sessions and tokens, the others' are still taken.
    ``initialising`` makes Flask-AppBuilder's tables;
    only the init step does.
    """
    app = Flask("portal.web", static_folder=None, template_folder=".")  # <group>/<name>.html
    app.url_map.converters["int"] = RowNumber
    app.config.update(flask_config(settings, secret_keys, initialising=initialising))
    app.json.sort_keys = False  # type: ignore[attr-defined]  # errors stay in the form's order
    csrf = CSRFProtect(app)
    database = SQLA(app)
    with app.app_context():
        engine.prepare(database.engine)
        if initialising:
            columns.add_to_old_tables(database.engine)
        Builder(app, database.session, security_manager_class=AoliSecurityManager)
    for call in ("TokenApi.login", "TokenApi.refresh"):
        csrf.exempt(app.view_functions[call])  # no cookie counts there
    _speak_the_readers_language(app)
    for part in (
        compression,
        assets,
        appearance,
        formats,
        headers,
        sessions,
        failures,
        frame,
        simulated,
    ):
        part.install(app)
    return app


def install(app: Flask, settings: Settings, redis_url: str, *, components_page: bool) -> None:
    """Put the pages on the application; counts of tries are kept at ``redis_url``."""
    administration.install(app, settings)
    app.extensions["aoli-throttle"] = Throttle(redis_url)
    app.extensions["aoli-sign-up-throttle"] = Throttle(
        redis_url, name="aoli-sign-up", per_address=20, everywhere=0
    )
    app.extensions["aoli-outside-throttle"] = Throttle(
        redis_url, name="aoli-outside", per_account=30, everywhere=0
    )
    people.install(app)
    outside.install(app, settings)
    jobs = (job, job_acts, job_console)
    parts = (home, *jobs, submit, plugins, cluster, virtual_clusters, preferences)
    ours = dict.fromkeys(part.blueprint for part in (*parts, search, streams))
    for blueprint in (*ours, *BLUEPRINTS):
        app.register_blueprint(blueprint)
    if components_page:
        app.register_blueprint(components.blueprint)
