"""Puts the API on the application."""

from __future__ import annotations

from flask import Flask

import portal.api.api_keys
import portal.api.audit
import portal.api.cluster
import portal.api.job_logs
import portal.api.jobs
import portal.api.openapi
import portal.api.people
import portal.api.plugins
import portal.api.ssh_keys
import portal.api.templates
import portal.api.vc_editing
import portal.api.virtual_clusters  # noqa: F401  (each module adds its calls)
from portal.api import calls, probes


def install(app: Flask) -> None:
    """Register all calls.

    The blueprint checks CSRF tokens itself, where no bearer token came (``auth.admit``).
    """
    app.extensions["csrf"].exempt(calls.blueprint)
    # An id that is a slash is unknown like any other, and no redirect with a page of HTML.
    app.url_map.merge_slashes = False
    app.register_blueprint(calls.blueprint)
    app.register_blueprint(probes.blueprint)
