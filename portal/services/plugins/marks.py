"""Marks of plugins that were slow or failed, for whoever looks after the portal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import peewee

from portal.domain.errors import TemporaryFailure
from portal.models import PluginMarkRow
from portal.models.db import failing_softly, session
from portal.ports import PluginName

log = logging.getLogger(__name__)

SLOW, FAILED = "slow", "failed"
SHOWN_FOR = timedelta(hours=24)
WRITTEN_EVERY = timedelta(seconds=5)
"""A plugin that fails at every call does not cost a write each time."""
MAX_WHY = 500


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest trouble with one plugin. ``state``: :data:`SLOW` or :data:`FAILED`."""

    state: str
    member: str
    why: str
    at: datetime

    @property
    def text(self) -> str:
        """Such as "check did not answer within 2 s"."""
        return f"{self.member} {self.why}"


class Marks:
    """Writes the marks of this process. Never raises: the trouble itself is in the log."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._set: dict[tuple[PluginName, str], tuple[str, datetime]] = {}

    def set(self, plugin: PluginName, version: str, state: str, member: str, why: str) -> None:
        """Mark a plugin; what was marked before is forgotten."""
        now = self._clock()
        with self._lock:
            before = self._set.get((plugin, member))
            if before is not None and before[0] == state and now - before[1] < WRITTEN_EVERY:
                return
            self._set[(plugin, member)] = (state, now)
        row = {
            "version": version[:64],
            "state": state,
            "member": member,
            "why": why[:MAX_WHY],
            "at": now,
        }
        self._write(lambda: _put(plugin, row))

    def clear(self, plugin: PluginName, member: str) -> None:
        """``member`` works (again): its mark, if this process has made one, goes."""
        if (plugin, member) not in self._set:
            return
        with self._lock:
            self._set.pop((plugin, member), None)
        self._write(lambda: _drop(plugin, member))

    def _write(self, write: Callable[[], None]) -> None:
        try:
            with session(), failing_softly():
                write()
        except (TemporaryFailure, peewee.PeeweeException):
            log.warning("the mark of a plugin was not written", exc_info=True)


def _put(plugin: PluginName, row: dict[str, object]) -> None:
    """One mark a plugin: the newest."""
    PluginMarkRow.insert(group=plugin.group, name=plugin.name, **row).on_conflict(
        conflict_target=(PluginMarkRow.group, PluginMarkRow.name), update=row
    ).execute()


def _drop(plugin: PluginName, member: str) -> None:
    PluginMarkRow.delete().where(
        (PluginMarkRow.group == plugin.group)
        & (PluginMarkRow.name == plugin.name)
        & (PluginMarkRow.member == member)
    ).execute()


def known(now: datetime) -> dict[tuple[str, str, str], Mark]:
    """As :func:`current`; empty where no portal has made its tables yet."""
    there: bool = PluginMarkRow.table_exists()  # type: ignore[no-untyped-call]
    return current(now) if there else {}


def current(now: datetime) -> dict[tuple[str, str, str], Mark]:
    """The marks of the last :data:`SHOWN_FOR`, by group, name and version of the plugin."""
    rows = PluginMarkRow.select().where(PluginMarkRow.at > now - SHOWN_FOR)
    return {
        (row.group, row.name, row.version): Mark(row.state, row.member, row.why, row.at)
        for row in rows
    }
