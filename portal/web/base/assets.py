"""Scripts, style sheets, fonts and pictures: served under a hash of all of them, for a year.

A script or style sheet lies beside the pages it belongs to and is served as ``js/<name>`` or
``css/<name>``; what belongs to no page group lies in ``static/``. The hash covers all files,
so a relative address inside a style sheet (a font) is under the same hash and as durable as
the sheet itself.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from flask import Flask, Response, abort, request, url_for
from markupsafe import Markup

WEB = Path(__file__).parents[1]
FOLDER = WEB / "static"
FOREVER = "public, max-age=31536000, immutable"
ENDPOINT = "asset"


@cache
def files() -> Mapping[str, Path]:
    """Every file that is served, by its name in addresses; found once per process.

    Raises ValueError for two scripts or two style sheets of one name.
    """
    found = {
        path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.is_file()
    }
    for kind in ("js", "css"):
        for path in WEB.glob(f"*/*.{kind}"):
            name = f"{kind}/{path.name}"
            if name in found:
                raise ValueError(f"{path} and {found[name]} have one name")
            found[name] = path
    return dict(sorted(found.items()))


@cache
def tree_hash() -> str:
    """A short hash over names and contents of every file, read once per process."""
    digest = hashlib.sha256()
    for name, path in files().items():
        digest.update(name.encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _icon_names() -> frozenset[str]:
    return frozenset(re.findall(r'<symbol id="([^"]+)"', (FOLDER / "icons.svg").read_text()))


def asset_url(name: str) -> str:
    """The address of a file; raises LookupError when there is no such file."""
    if name not in files():
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
    path = files().get(name)
    if path is None or len(version) != len(tree_hash()):
        abort(404)
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
