"""How one person sees the pages: language, theme, side bar, time zone, keys. All from cookies.

None of it is secret and all of it must be known before the first paint, so it is kept in
plain cookies that the pages' scripts may also write.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from flask import Flask, Response, g, request, session

from portal.web.base import zones

LANGUAGES = ("en", "zh")
THEMES = ("light", "dark", "system")
KEYS = ("on", "off")
COLUMNS = ("devices", "user", "preemptible", "priority", "submitted", "started", "finished")
"""Columns of the lists of jobs that may be hidden."""
YEAR_S = 365 * 24 * 3600


def language() -> str:
    """The language of this answer: chosen, else what the browser asks for, else English."""
    if "language" not in g:
        chosen = request.cookies.get("language") or session.get("locale")
        if chosen not in LANGUAGES:
            chosen = _accepted_language()
        g.language = chosen
    found: str = g.language
    return found


def gap() -> str:
    """What stands after a full stop before more: full-width punctuation is wide enough itself."""
    return "" if language() == "zh" else " "


def _accepted_language() -> str:
    """The first language of Accept-Language that we speak (any Chinese is 中文)."""
    for tag, _ in request.accept_languages:
        primary = tag.split("-")[0].lower()
        if primary in LANGUAGES:
            return str(primary)
    return "en"


def theme_choice() -> str:
    """``light``, ``dark`` or ``system``."""
    chosen = request.cookies.get("theme", "system")
    return chosen if chosen in THEMES else "system"


def side_choice() -> str:
    """``open`` or ``collapsed``."""
    return "collapsed" if request.cookies.get("side") == "collapsed" else "open"


def zone() -> tzinfo:
    """The time zone chosen, else the browser's (a script puts it into a cookie), else UTC."""
    return _zone(zone_choice() or unquote(request.cookies.get("zone", "")))


def zone_choice() -> str:
    """The name of the time zone chosen in the preferences; empty: the browser's."""
    chosen = unquote(request.cookies.get("zone_choice", ""))
    return chosen if chosen == "UTC" or _zone(chosen) is not UTC else ""


def zone_name() -> str:
    """The reader's zone as pages with charts say it: ``UTC+8``."""
    return zones.offset_of(zone(), datetime.now(UTC))


def keys_choice() -> str:
    """Whether single keys are shortcuts: ``on`` or ``off``."""
    return "off" if request.cookies.get("keys") == "off" else "on"


def hidden_columns() -> tuple[str, ...]:
    """Columns of the lists of jobs that the reader has hidden."""
    hidden = request.cookies.get("hidden_columns", "").split(".")
    return tuple(name for name in COLUMNS if name in hidden)


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name and len(name) < 64 else UTC
    except (KeyError, ValueError, OSError):
        return UTC


def remember(response: Response, name: str, value: str) -> None:
    """Keep a choice for a year."""
    response.set_cookie(name, value, max_age=YEAR_S, samesite="Lax", secure=request.is_secure)


def install(app: Flask) -> None:
    """Add the template functions."""
    app.jinja_env.globals.update(
        language=language,
        gap=gap,
        theme_choice=theme_choice,
        side_choice=side_choice,
        zone_choice=zone_choice,
        zone_name=zone_name,
        keys_choice=keys_choice,
        hidden_columns=hidden_columns,
    )
