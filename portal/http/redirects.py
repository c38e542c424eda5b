"""Where the pages may send a browser on: only to themselves."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException


def safe_path(target: str | None) -> str | None:
    """``target`` if it is a path of this site, else ``None``.

    Browsers read ``//host`` and ``/\\host`` as another host, and drop control characters.
    """
    if not target or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(ord(character) < 32 for character in target):
        return None
    return target


def next_or_home() -> str:
    """The page that the form or the address names, else Home."""
    return safe_path(request.values.get("next")) or url_for("home.index")


def page_it_came_from() -> str | None:
    """The path of the page of this site whose form was sent; ``None`` if it is not known."""
    source = urlsplit(request.referrer or "")
    path = safe_path(source._replace(scheme="", netloc="", fragment="").geturl())
    if source.netloc != request.host or path is None:
        return None
    try:
        current_app.url_map.bind(request.host).match(source.path, method="GET")
    except HTTPException:  # a page that answered a form, with what was wrong in it
        return None
    return path


def here() -> str:
    """The present page, to come back to after an act; fragments name their page."""
    if request.method == "GET" and "X-Requested-With" not in request.headers:
        return request.full_path.rstrip("?")
    try:
        return safe_path(request.form.get("next")) or "/"
    except HTTPException:  # the form is what cannot be read
        return "/"
