"""The init step: tables, steps of the schema, permissions, roles, the first administrator.

It may be run again at any time. ``aoli db upgrade`` runs it; under ``aoli up`` the web
process does before it serves, because that has the same (large) imports.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import traceback
from dataclasses import asdict, dataclass

from portal.settings import Settings, SettingsError

NOTICE_VARIABLE = "AOLI_NOTICE_FD"
"""Where a supervisor wants to hear that the step is done: a descriptor's number."""


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """The administrator that was made; ``password`` only if it was drawn by us."""

    username: str
    password: str | None


def initialise(settings: Settings) -> FirstAdmin | None:
    """Bring the database up to date; the first administrator, if he was made now.

    Flask-AppBuilder's tables come first: ours refer to its users.
    """
    from portal import wiring
    from portal.web import setup

    accounts = setup.make_tables(settings)
    wiring.upgrade(wiring.connect(settings))
    setup.seed_roles(accounts)
    chosen = settings.admin_password.get_secret_value()
    password = chosen or draw_password()
    made = setup.make_first_admin(accounts, settings.admin_username, password)
    return FirstAdmin(settings.admin_username, None if chosen else password) if made else None


def draw_password() -> str:
    """A random password that can be read out and typed."""
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def initialise_in_child(settings: Settings) -> None:
    """Run the step in a fork, if a supervisor asked for it, and tell it the outcome.

    A fork, because neither the handles nor the memory of the step may stay in a process that
    is about to fork its workers.
    """
    descriptor = os.environ.pop(NOTICE_VARIABLE, None)
    if descriptor is None:
        return
    pid = os.fork()
    if pid == 0:
        os._exit(_tell(settings, int(descriptor)))
    os.close(int(descriptor))
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise SystemExit(code if code > 0 else 1)


def _tell(settings: Settings, descriptor: int) -> int:
    try:
        made = initialise(settings)
        os.write(descriptor, json.dumps(asdict(made) if made else {}).encode() + b"\n")
    except SettingsError as error:
        print(f"aoli: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
