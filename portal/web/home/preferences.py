"""Language, theme, zone, keys, columns, virtual cluster: set, then back to where one was."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from portal.http.access import requires
from portal.http.redirects import next_or_home
from portal.web.base import appearance, zones
from portal.web.base.formats import now
from portal.web.base.frame import choose_virtual_cluster

blueprint = Blueprint("preferences", __name__, url_prefix="/preferences")


@blueprint.post("/language")
def language() -> Response:
    """Keep the language in a cookie."""
    return _keep("language", appearance.LANGUAGES)


@blueprint.post("/theme")
def theme() -> Response:
    """Keep the theme in a cookie (a script does the same without a page load)."""
    return _keep("theme", appearance.THEMES)


@blueprint.post("/zone")
def zone() -> Response:
    """Keep a time zone in a cookie; empty: whichever the browser is in."""
    legal = ("", *(name for name, _ in zones.choices(now().date())))
    return _keep("zone_choice", legal)


@blueprint.post("/keys")
def keys() -> Response:
    """Switch the single keys on or off."""
    return _keep("keys", appearance.KEYS)


@blueprint.post("/columns")
def columns() -> Response:
    """Keep which columns of the lists of jobs are hidden; those of ``of`` not in ``show``."""
    here, shown = request.form.getlist("of"), request.form.getlist("show")
    hidden = {*appearance.hidden_columns()} - {*here} | {*here} - {*shown}
    value = ".".join(name for name in appearance.COLUMNS if name in hidden)
    return _remembered("hidden_columns", value)


def _keep(name: str, legal: tuple[str, ...]) -> Response:
    value = request.form.get(name, "")
    if value not in legal:
        abort(400)
    return _remembered(name, value)


def _remembered(name: str, value: str) -> Response:
    response = redirect(next_or_home(), 303)
    appearance.remember(response, name, value)  # type: ignore[arg-type]
    return response


@blueprint.post("/virtual-cluster")
@requires()
def virtual_cluster() -> Response:
    """Make another virtual cluster the current one; it stays so across sessions."""
    choose_virtual_cluster(request.form.get("vc", ""))
    return redirect(next_or_home(), 303)
