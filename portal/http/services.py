"""The services of the running application, for pages and API."""

from __future__ import annotations

from flask import Flask, current_app

from portal.services.portal import Portal

_KEY = "aoli"


def keep(app: Flask, portal: Portal) -> None:
    """Put the services on the application."""
    app.extensions[_KEY] = portal


def services() -> Portal:
    """The services of the running application."""
    found: Portal = current_app.extensions[_KEY]
    return found
