"""Routes are compiled once for each test process, not once for each application.

Every test has an application of its own, and most of the time that it takes to make one goes
into werkzeug's writing, for each route, of a function that builds its address. What it writes
depends on the route's text alone, so applications may share it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

_compile = Rule._compile_builder
_kept: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}


def _compile_once(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    if self.defaults:  # these are written into the function
        return _compile(self, append_unknown)
    key = (append_unknown, self.rule, *self._trace)
    if key not in _kept:
        _kept[key] = _compile(self, append_unknown)
    return _kept[key]


def share() -> None:
    """From now on in this process."""
    Rule._compile_builder = _compile_once  # type: ignore[method-assign]
