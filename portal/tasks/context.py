"""The portal of this process, wired once."""

from __future__ import annotations

from portal.services.portal import Portal
from portal.settings import load_settings
from portal.wiring import connect

_portal: Portal | None = None


def use(wired: Portal) -> None:
    """Let the tasks of this process work with ``wired``."""
    global _portal
    _portal = wired


def portal() -> Portal:
    """The portal in use; wired from the settings when nobody called :func:`use`."""
    global _portal
    if _portal is None:
        _portal = connect(load_settings())
    return _portal
