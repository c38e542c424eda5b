"""Typed settings: ``config/portal.yaml``, then ``AOLI_*``, then ``AOLI_*_FILE`` secrets.

Every setting is one attribute of :class:`Settings`; its environment variable is ``AOLI_`` +
the upper-case name. A wrong value raises :class:`SettingsError` with one readable line.
"""

from portal.settings.fields import Settings
from portal.settings.loading import load_settings
from portal.settings.places import SHORT_NAMES, SettingsError

__all__ = ["SHORT_NAMES", "Settings", "SettingsError", "load_settings"]
