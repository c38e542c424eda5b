"""Runs plugins' calls in processes of their own, which can be killed.

A thread cannot be ended from outside, and one that loops in Python takes half of the
interpreter from everybody; code in C may even keep all of it. So a call that is late is ended
with its process, and another process stands ready. Their number is bounded, and one plugin
never holds all of them.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from portal.domain.errors import InvalidSpec, NotKnownYet, TemporaryFailure
from portal.ports import PluginBroke, PluginCall, PluginLate, PluginName

log = logging.getLogger(__name__)

MOST = 4
"""Processes at once."""
MOST_OF_ONE = 2
"""Of them for one plugin."""
START_S = 30.0
"""Time to import every plugin."""


class _Host:
    """One process."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "portal.processes.plugin_host", str(number)],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what it prints is for the log
                pass_fds=(number,),
            )
        self._connection = Connection(ours.detach())
        self._connection.send(settings)
        self._ready = False

    def get_ready(self) -> None:
        """Wait until it has loaded the plugins."""
        if self._ready:
            return
        if not self._connection.poll(START_S):
            raise TemporaryFailure("the process for plugins does not start")
        self._connection.recv()
        self._ready = True

    def call(
        self, call: PluginCall, timeout_s: float, host_of: Callable[[str], str] | None
    ) -> tuple[str, Any]:
        """What the process answers; raises :class:`PluginLate`, ``EOFError``, ``OSError``."""
        end = time.monotonic() + timeout_s
        self._connection.send((call, timeout_s))
        while True:
            left_s = end - time.monotonic()
            if left_s <= 0 or not self._connection.poll(left_s):
                raise PluginLate
            word, value = self._connection.recv()
            if word != "host_of" or host_of is None:
                return word, value
            self._connection.send(host_of(value))

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self._connection.close()


class ProcessHosts:
    """The port over at most :data:`MOST` processes of this process."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._idle: list[_Host] = []
        self._count = 0
        self._calls: Counter[PluginName] = Counter()
        self._room = threading.Condition()

    def run(self, call: PluginCall, timeout_s: float, host_of: Callable[[str], str] | None) -> Any:
        """See the port. The time to start a process is not the plugin's."""
        host = self._take(call.plugin, timeout_s)
        try:
            host.get_ready()
            word, value = host.call(call, timeout_s, host_of)
        except PluginLate:
            self._replace(call.plugin, host)
            raise
        except (EOFError, OSError) as error:
            self._replace(call.plugin, host)
            raise PluginBroke("ended the process in which it ran") from error
        except BaseException:
            self._replace(call.plugin, host)
            raise
        self._give_back(call.plugin, host)
        return _read(word, value)

    def warm(self) -> None:
        """Start the first process; nobody waits for it."""
        with self._room:
            if self._count:
                return
            self._count += 1
        self._add(_Host(self._settings))

    def close(self) -> None:
        """End those that are idle."""
        with self._room:
            idle, self._idle = self._idle, []
            self._count -= len(idle)
        for host in idle:
            host.kill()

    def _take(self, plugin: PluginName, timeout_s: float) -> _Host:
        end = time.monotonic() + timeout_s
        with self._room:
            while not self._has_room(plugin):
                if not self._room.wait(end - time.monotonic()):
                    if self._calls[plugin]:
                        raise PluginLate  # its own calls are in the way
                    raise TemporaryFailure("the processes for plugins are all busy")
            self._calls[plugin] += 1
            if self._idle:
                return self._idle.pop()
            self._count += 1
        try:
            return _Host(self._settings)
        except BaseException:
            self._release(plugin, gone=True)
            raise

    def _has_room(self, plugin: PluginName) -> bool:
        return self._calls[plugin] < MOST_OF_ONE and (bool(self._idle) or self._count < MOST)

    def _give_back(self, plugin: PluginName, host: _Host) -> None:
        self._add(host)
        self._release(plugin, gone=False)

    def _add(self, host: _Host) -> None:
        with self._room:
            self._idle.append(host)
            self._room.notify_all()

    def _release(self, plugin: PluginName, *, gone: bool) -> None:
        with self._room:
            self._calls[plugin] -= 1
            self._count -= gone
            self._room.notify_all()

    def _replace(self, plugin: PluginName, host: _Host) -> None:
        """Another one instead, which begins to load while nobody waits."""
        host.kill()
        self._release(plugin, gone=True)
        try:
            self.warm()
        except OSError:
            log.exception("no process for plugins")


def _read(word: str, value: Any) -> Any:
    if word == "returned":
        return value
    if word == "invalid":
        raise InvalidSpec.of(value)
    if word == "not_known_yet":
        raise NotKnownYet(value)
    raise PluginBroke(f"failed: {value}")
