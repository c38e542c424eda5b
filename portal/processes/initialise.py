"""The init step: tables, schema steps, permissions, roles, the first administrator.

It may be run again at any time. ``aoli db upgrade`` runs it. Under ``aoli up`` the web
process does, before it serves, because both need the same large imports; it does so in a
fork, because neither the handles nor the memory of the step may stay in a process that is
about to fork its workers.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import traceback
from dataclasses import asdict, dataclass

from portal.domain.errors import TemporaryFailure
from portal.settings import Settings, SettingsError

NOTICE_VARIABLE = "AOLI_NOTICE_FD"
"""The descriptor on which a supervisor wants to hear that the step is done."""
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that look alike."""


@dataclass(frozen=True, slots=True)
class Initialised:
    """What was done: schema steps, and the administrator if one was made now.

    ``password`` is set only when it was drawn at random. ``jobs_reach_portal``: see the
    cluster's.
    """

    steps: tuple[str, ...] = ()
    administrator: str = ""
    password: str = ""
    jobs_reach_portal: bool = False


def initialise(settings: Settings) -> Initialised:
    """Bring the database up to date. Users' tables come first: ours refer to them.

    Several may be started at once (by a new version on several machines): one does it, the
    others wait. Raises ``TemporaryFailure`` when the database does not answer,
    ``SettingsError`` when a folder cannot be used.
    """
    from portal.models import db

    try:
        if settings.database.startswith("sqlite"):
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with db.alone(settings.database):
            return _initialise(settings)
    except OSError as error:
        if error.filename is None:
            raise
        raise SettingsError(f"{error.filename}: {error.strerror}") from error


def _initialise(settings: Settings) -> Initialised:
    from portal import wiring
    from portal.application import make_tables
    from portal.models import db
    from portal.people import first_accounts
    from portal.processes import start_check
    from portal.wiring.keys import secret_keys

    app = make_tables(settings)
    portal = wiring.connect(settings)
    steps = wiring.upgrade(portal)
    with db.session():
        start_check.adopt(secret_keys(settings))
    reach = portal.cluster.jobs_reach_portal
    first_accounts.seed_roles(app)
    name, given = settings.admin_username, settings.admin_password.get_secret_value()
    password = given or draw_password()
    if not first_accounts.make_first_admin(app, name, password):
        return Initialised(tuple(steps), jobs_reach_portal=reach)
    return Initialised(tuple(steps), name, "" if given else password, reach)


def draw_password() -> str:
    """A random password (113 bits) that can be read out and typed."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))


def initialise_in_child(settings: Settings) -> None:
    """Run the step, if a supervisor asked for it, and tell it the outcome."""
    descriptor = os.environ.pop(NOTICE_VARIABLE, None)
    if descriptor is None:
        return
    pid = os.fork()
    if pid == 0:
        os._exit(_tell(settings, int(descriptor)))
    os.close(int(descriptor))
    _, status = os.waitpid(pid, 0)
    if status:
        sys.exit(1)


def _tell(settings: Settings, descriptor: int) -> int:
    """Run it and write one line of JSON; the exit code."""
    try:
        done = initialise(settings)
        os.write(descriptor, json.dumps(asdict(done)).encode() + b"\n")
    except (SettingsError, TemporaryFailure) as error:
        print(f"aoli: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
