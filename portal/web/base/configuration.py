"""Flask's and Flask-AppBuilder's settings, from ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask_appbuilder.const import AUTH_DB

from portal.people.api_keys import MARK
from portal.people.engine import engine_options, sqlalchemy_url
from portal.settings import Settings

MAX_BODY = 2 * 1024 * 1024
"""A submission is text; anything larger is a mistake."""


def flask_config(
    settings: Settings, secret_keys: Sequence[str], *, initialising: bool
) -> dict[str, Any]:
    """All of it. ``initialising`` only in the init step: web processes change no tables."""
    return {
        "SECRET_KEY": secret_keys[0],
        "SECRET_KEY_FALLBACKS": list(secret_keys[1:]),
        "JWT_SECRET_KEY": secret_keys[0],
        "MAX_CONTENT_LENGTH": MAX_BODY,
        "SQLALCHEMY_DATABASE_URI": sqlalchemy_url(settings.database),
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings.database, settings.web_threads),
        "SESSION_COOKIE_NAME": "aoli_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": timedelta(seconds=settings.session_lifetime_s),
        "REMEMBER_COOKIE_NAME": "aoli_remember",
        "REMEMBER_COOKIE_DURATION": timedelta(days=30),
        "REMEMBER_COOKIE_HTTPONLY": True,
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": settings.secure_cookies,
        "WTF_CSRF_TIME_LIMIT": None,
        "APP_NAME": "Aoli",
        "AUTH_TYPE": AUTH_DB,
        "AUTH_ROLE_ADMIN": "Admin",
        "AUTH_ROLE_PUBLIC": "Public",
        "FAB_BASE_TEMPLATE": "base/base.html",
        "FAB_CREATE_DB": initialising,
        "FAB_UPDATE_PERMS": initialising,
        "FAB_ADD_SECURITY_API": False,
        "FAB_API_KEY_ENABLED": True,
        "FAB_API_KEY_PREFIXES": [MARK],
        "AOLI_SIGN_UP": settings.may_sign_up,
        "AOLI_SIGN_IN_DEVICES": settings.sign_in_devices,
        "RATELIMIT_ENABLED": False,
        "LANGUAGES": {
            "en": {"flag": "gb", "name": "English"},
            "zh": {"flag": "cn", "name": "中文"},
        },
        "BABEL_DEFAULT_LOCALE": "en",
        "BABEL_DEFAULT_TIMEZONE": "UTC",
        "BABEL_TRANSLATION_DIRECTORIES": str(Path(__file__).parents[1] / "translations"),
    }
