"""A process that runs plugins' code, one call after another, until it is killed or left alone.

``python -m portal.processes.plugin_host FD``: calls come and answers go over the socket with
that number (see :mod:`portal.adapters.plugin_hosts`). The kernel ends the process when a call
takes longer than it may, even if nobody is left to kill it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from portal.domain.errors import InvalidSpec, NotKnownYet
from portal.ports import HOST_OF, PluginCall, PluginName
from portal.spi.registry import Registry, load_registry

NICENESS = 10
"""Once it has started: whoever waits for a page goes first."""
MARGIN_S = 1.0
"""So much later than whoever waits for the call, the kernel ends it."""


def serve(connection: Connection) -> None:
    """Answer until the other end is gone."""
    with contextlib.suppress(EOFError, OSError):
        settings: Mapping[str, Any] = connection.recv()
        registry = load_registry(settings)
        os.nice(NICENESS)
        connection.send(("ready", None))
        while True:
            call, timeout_s = connection.recv()
            signal.setitimer(signal.ITIMER_REAL, timeout_s + MARGIN_S)
            answer = _answer(registry, call, _asking(connection))
            signal.setitimer(signal.ITIMER_REAL, 0)
            _send(connection, answer)


def _asking(connection: Connection) -> Callable[[str], str]:
    def host_of(replica: str) -> str:
        connection.send(("host_of", replica))
        return str(connection.recv())

    return host_of


def _answer(
    registry: Registry, call: PluginCall, host_of: Callable[[str], str]
) -> tuple[str, object]:
    """What became of the call: ``returned``, ``invalid``, ``not_known_yet`` or ``raised``."""
    try:
        plugin = _named(registry, call.plugin)
        given = [_resolved(registry, value, host_of) for value in call.arguments]
        return "returned", getattr(plugin, call.member)(*given)
    except InvalidSpec as invalid:
        return "invalid", [(name, e) for name, found in invalid.errors.items() for e in found]
    except NotKnownYet as missing:
        return "not_known_yet", missing.message
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return "raised", f"{type(error).__name__}: {error}"


def _named(registry: Registry, plugin: PluginName) -> Any:
    return registry.of_group(plugin.group)[plugin.name]


def _resolved(registry: Registry, value: Any, host_of: Callable[[str], str]) -> Any:
    if isinstance(value, PluginName):
        return _named(registry, value)
    return host_of if value == HOST_OF else value


def _send(connection: Connection, answer: tuple[str, object]) -> None:
    try:
        connection.send(answer)
    except OSError:
        raise
    except Exception as error:  # what it returned cannot be sent
        connection.send(("raised", f"{type(error).__name__}: {error}"))


def main() -> None:
    """See the module."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us
    serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
