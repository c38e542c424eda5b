"""Files below ``static/``: served under a hash of their content, cached for a year.

The hash covers the whole tree, so a relative address inside a style sheet (a font) is under
the same hash and as durable as the sheet itself.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from functools import cache, lru_cache
from pathlib import Path

from flask import Flask, Response, abort, request, url_for
from markupsafe import Markup
from werkzeug.security import safe_join

FOLDER = Path(__file__).parents[1] / "static"
FOREVER = "public, max-age=31536000, immutable"
ENDPOINT = "asset"


@cache
def tree_hash() -> str:
    """A short hash over names and contents of every file, read once per process."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _icon_names() -> frozenset[str]:
    return frozenset(re.findall(r'<symbol id="([^"]+)"', (FOLDER / "icons.svg").read_text()))


def asset_url(name: str) -> str:
    """The address of a file of ``static/``; raises when there is no such file."""
    if not (FOLDER / name).is_file():
        raise LookupError(f"no static file {name!r}")
    return url_for(ENDPOINT, version=tree_hash(), name=name)


def icon(name: str, size: int = 16, cls: str = "") -> Markup:
    """A Lucide icon out of the sprite; hidden from screen readers, words say it."""
    if name not in _icon_names():
        raise LookupError(f"icon {name!r} is not in icons.svg")
    classes = f"ic {cls}".rstrip()
    return Markup(  # noqa: S704
        f'<svg class="{classes}" width="{size}" height="{size}" viewBox="0 0 24 24"'
        f' aria-hidden="true"><use href="{_sprite_url()}#{name}"/></svg>'
    )


def _sprite_url() -> str:
    return url_for(ENDPOINT, version=tree_hash(), name="icons.svg")


@lru_cache(maxsize=256)
def _content(path: Path, _changed_ns: int) -> bytes:
    """What is in a file, read once; no request keeps a file open."""
    return path.read_bytes()


def _serve(version: str, name: str) -> Response:
    joined = safe_join(str(FOLDER), name)
    if joined is None or not Path(joined).is_file() or len(version) != len(tree_hash()):
        abort(404)
    path = Path(joined)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response = Response(_content(path, path.stat().st_mtime_ns), mimetype=kind)
    # During a rolling update an old page asks for an old hash: give it what there is, but
    # let nobody keep it under that name.
    response.headers["Cache-Control"] = FOREVER if version == tree_hash() else "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(tree_hash())
    response.make_conditional(request)
    return response


def install(app: Flask) -> None:
    """Add the route and the template functions."""
    app.add_url_rule("/static/<version>/<path:name>", ENDPOINT, _serve)
    app.jinja_env.globals.update(asset_url=asset_url, icon=icon)
