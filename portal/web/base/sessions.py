"""Session cookies: signed, HTTP-only, refreshed while somebody works, never on static files."""

from __future__ import annotations

import time

from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from portal.web.base import assets

REFRESH_S = 600


class PageSessions(SecureCookieSessionInterface):
    """No cookie on static files, whatever the session says."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """As Flask decides, except for assets."""
        return request.endpoint != assets.ENDPOINT and super().should_set_cookie(app, session)


def _refresh() -> None:
    """Push the end of the session out, at most every ten minutes: each push is a cookie."""
    if request.endpoint == assets.ENDPOINT or "seen" not in session:
        return
    now = int(time.time())
    if now - int(session["seen"]) > REFRESH_S:
        session["seen"] = now


def install(app: Flask) -> None:
    """Use the sessions."""
    app.session_interface = PageSessions()
    app.before_request(_refresh)
