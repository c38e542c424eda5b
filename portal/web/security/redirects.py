"""Where the pages may send a browser on: only to themselves."""

from __future__ import annotations

from flask import request, url_for
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


def here() -> str:
    """The present page, to come back to after an act; fragments name their page."""
    if request.method == "GET" and "HX-Request" not in request.headers:
        return request.full_path.rstrip("?")
    try:
        return safe_path(request.form.get("next")) or "/"
    except HTTPException:  # the form is what cannot be read
        return "/"
