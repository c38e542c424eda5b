"""The whole WSGI application: pages, API and probes, put together from what is wired."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import api
from portal.http import streams
from portal.http.services import keep
from portal.models import db
from portal.people import engine
from portal.services.plugins.guard import WEB_S
from portal.services.plugins.kinds import has_foreign
from portal.services.portal import Portal
from portal.settings import Settings
from portal.web import app as pages
from portal.wiring import connect
from portal.wiring.addresses import redis_url
from portal.wiring.keys import secret_keys


def create_app(
    settings: Settings, *, portal: Portal | None = None, development: bool = False
) -> Flask:
    """Everything that answers requests.

    Makes no tables and opens no connections; the init step (:mod:`portal.processes.initialise`)
    has run before. ``portal`` is wired from the settings unless it is given. ``development``,
    here or in the settings, adds the page of components.
    """
    app = pages.make_flask(settings, secret_keys(settings))
    keep(app, portal or _connect(settings))
    db.also_holds("people", engine.let_go)
    _believe_proxies(app, settings.trusted_proxies)
    app.extensions["aoli-streams"] = streams.StreamGate(settings.max_streams)
    app.teardown_appcontext(_release_connection)
    pages.install(
        app,
        settings,
        redis_url(settings),
        components_page=development or settings.development,
    )
    api.install(app)
    return app


def _connect(settings: Settings) -> Portal:
    """Wired for answering requests."""
    portal = connect(settings, connections=settings.web_threads, plugin_deadline_s=WEB_S)
    if has_foreign(portal.registry):
        portal.plugin_guard.warm()
    return portal


def make_tables(settings: Settings) -> Flask:
    """Make Flask-AppBuilder's tables, with our columns, where they are missing.

    The application that is returned is good for :mod:`portal.people.first_accounts` alone.
    """
    return pages.make_flask(settings, secret_keys(settings), initialising=True)


def _believe_proxies(app: Flask, number: int) -> None:
    """Take address, scheme and host of whoever asks from the proxies in front, if there are."""
    if number:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=number, x_proto=number, x_host=number
        )


def _release_connection(_error: BaseException | None) -> None:
    """Peewee opens a connection when a request first needs one; SQLAlchemy has its own rule."""
    db.close()
