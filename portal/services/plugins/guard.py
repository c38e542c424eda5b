"""The one guard through which every call of a plugin's code goes.

It sets a deadline, gives the database's connections back before code that is not the portal's
own, names the plugin in every error, and marks one that is slow or fails.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.domain.errors import (
    InvalidSpec,
    NotKnownYet,
    PermanentFailure,
    PluginFailed,
    PluginSlow,
    TemporaryFailure,
)
from portal.models import db
from portal.ports import HOST_OF, PluginBroke, PluginCall, PluginHosts, PluginLate, PluginName
from portal.services.plugins.marks import FAILED, SLOW, Marks

log = logging.getLogger(__name__)

WEB_S, WORKER_S = 2.0, 10.0
"""Deadline of one call, where somebody waits for a page and where nobody does."""
LATE_IN_A_ROW = 3
REST_S = 30.0
"""A plugin that was late :data:`LATE_IN_A_ROW` times is not asked for so long."""

WORDS = {"portal.job_kinds": "job kind", "portal.device_types": "device type"}
_ANSWERS = (InvalidSpec, NotKnownYet, PermanentFailure, TemporaryFailure)
"""What a plugin may raise to say something."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A plugin as the guard knows it. ``foreign``: not the portal's own code."""

    name: PluginName
    version: str
    plugin: Any
    foreign: bool

    @property
    def words(self) -> tuple[str, str]:
        """Such as ("job kind", "acme")."""
        return WORDS[self.name.group], self.name.name


class PluginGuard:
    """Calls plugins; one per process, used by all its threads.

    The portal's own are called right here: they are as much the portal as this line. Others
    run in ``hosts``.
    """

    def __init__(
        self,
        hosts: PluginHosts,
        marks: Marks,
        deadline_s: float = WEB_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deadline_s = deadline_s
        self._hosts = hosts
        self._marks = marks
        self._timer = timer
        self._lock = threading.Lock()
        self._late: dict[PluginName, tuple[int, float]] = {}
        """How often in a row, and when it was last late."""

    def warm(self) -> None:
        """Have a process ready for plugins that are not the portal's own."""
        self._hosts.warm()

    def close(self) -> None:
        """End the processes."""
        self._hosts.close()

    def call(self, guarded: Guarded, member: str, arguments: tuple[Any, ...], kind: type) -> Any:
        """What ``member`` of the plugin returns; it must be a ``kind``.

        Raises what the plugin says (``InvalidSpec``, ``NotKnownYet``, ``PermanentFailure``,
        ``TemporaryFailure``), :class:`PluginSlow` when it is late, else :class:`PluginFailed`.
        """
        self._refuse_resting(guarded)
        begun = self._timer()
        try:
            found = self._run(guarded, member, arguments)
        except _ANSWERS:
            raise
        except PluginLate:
            raise self._was_late(guarded, member) from None
        except PluginBroke as error:
            raise self.has_failed(guarded, member, str(error)) from error
        except Exception as error:
            log.exception("the %s %s: %s failed", *guarded.words, member)
            why = f"failed: {type(error).__name__}: {error}"
            raise self.has_failed(guarded, member, why) from error
        if not isinstance(found, kind):
            what = "nothing (None)" if found is None else f"a {type(found).__name__}"
            why = f"failed: {member} returned {what}, expected a {kind.__name__}"
            raise self.has_failed(guarded, member, why)
        self._has_answered(guarded, member, self._timer() - begun)
        return found

    def _run(self, guarded: Guarded, member: str, arguments: tuple[Any, ...]) -> Any:
        if not guarded.foreign:
            return getattr(guarded.plugin, member)(*arguments)
        db.let_go()
        host_of = next((given for given in arguments if callable(given)), None)
        sent = tuple(HOST_OF if callable(given) else _by_name(given) for given in arguments)
        call = PluginCall(guarded.name, member, sent)
        return self._hosts.run(call, self.deadline_s, host_of)

    def _refuse_resting(self, guarded: Guarded) -> None:
        times, at = self._late.get(guarded.name, (0, 0.0))
        if times >= LATE_IN_A_ROW and self._timer() - at < REST_S:
            why = f"has not answered {times} times in a row and is left alone for now"
            raise PluginSlow(*guarded.words, why)

    def _was_late(self, guarded: Guarded, member: str) -> PluginSlow:
        with self._lock:
            times, _ = self._late.get(guarded.name, (0, 0.0))
            self._late[guarded.name] = (times + 1, self._timer())
        why = f"did not answer within {self.deadline_s:g} s"
        log.error("the %s %s: %s %s; it was ended", *guarded.words, member, why)
        self._marks.set(guarded.name, guarded.version, SLOW, member, why)
        return PluginSlow(*guarded.words, why)

    def has_failed(self, guarded: Guarded, member: str, why: str) -> PluginFailed:
        """Log and mark that ``member`` failed; the error to raise."""
        log.error("the %s %s: %s %s", *guarded.words, member, why)
        self._marks.set(guarded.name, guarded.version, FAILED, member, why)
        return PluginFailed(*guarded.words, why)

    def _has_answered(self, guarded: Guarded, member: str, took_s: float) -> None:
        if guarded.name in self._late:
            with self._lock:
                self._late.pop(guarded.name, None)
        if took_s > self.deadline_s:
            why = f"took {took_s:.1f} s"
            log.error("the %s %s: %s %s", *guarded.words, member, why)
            self._marks.set(guarded.name, guarded.version, SLOW, member, why)
        else:
            self._marks.clear(guarded.name, member)


def _by_name(value: Any) -> Any:
    """Another plugin is sent by its name."""
    named = getattr(value, "guarded", None)
    return named.name if isinstance(named, Guarded) else value
