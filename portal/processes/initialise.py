"""The init step under a supervisor: run by the web process, in a fork, before it serves.

By the web process because both need the same large imports; in a fork because neither the
database handles nor the memory of the step may stay in a process that forks its workers.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from portal.settings import Settings, SettingsError

NOTICE_VARIABLE = "AOLI_NOTICE_FD"
"""The descriptor on which a supervisor wants to hear that the step is done."""


def initialise_in_child(settings: Settings) -> None:
    """Run the step, if a supervisor asked for it, and tell it the outcome."""
    descriptor = os.environ.pop(NOTICE_VARIABLE, None)
    if descriptor is None:
        return
    pid = os.fork()
    if pid == 0:
        os._exit(_initialise(settings, int(descriptor)))
    os.close(int(descriptor))
    _, status = os.waitpid(pid, 0)
    if status:
        sys.exit(1)


def _initialise(settings: Settings, descriptor: int) -> int:
    """The exit code. The supervisor hears one line of JSON: the first administrator, if made."""
    try:
        from portal import wiring
        from portal.web.initialise import initialise_database

        done = initialise_database(wiring.connect(settings))
        told = {"username": done.administrator, "password": done.password}
        os.write(descriptor, json.dumps(told if done.administrator else {}).encode() + b"\n")
    except SettingsError as error:
        print(f"aoli: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
