"""Flask-AppBuilder's ``expose`` with a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask_appbuilder import expose as _expose

View = TypeVar("View", bound=Callable[..., Any])


def expose(url: str, methods: tuple[str, ...] = ("GET",)) -> Callable[[View], View]:
    """Make a method of a Flask-AppBuilder view answer at ``url``."""
    return cast("Callable[[View], View]", _expose(url, methods))
