"""Says at a process's start what keeps it from its work: tables, the secret key, Redis.

All of it is asked beside the start, which must not wait for a database or Redis that is away.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Sequence

from portal import migrations
from portal.adapters.redis_link import why_away
from portal.domain.errors import TemporaryFailure
from portal.models.db import session
from portal.services.records import key_print
from portal.settings import Settings
from portal.wiring.addresses import redis_url
from portal.wiring.keys import secret_keys
from portal.wiring.parts import utc_now

log = logging.getLogger(__name__)


def begin(settings: Settings, *, redis: bool = False) -> None:
    """Ask. ``redis`` too, where nothing else would say at the start that it is away."""
    _beside(lambda: _look_at_database(secret_keys(settings)))
    if redis:
        _beside(lambda: _look_at_redis(redis_url(settings)))


def adopt(keys: Sequence[str]) -> None:
    """The init step decides: from now on this key is the portal's. Needs a session."""
    said = key_print.compare(keys, socket.gethostname(), utc_now(), adopt=True)
    if said:
        log.error("%s", said)


def _beside(look: Callable[[], None]) -> None:
    threading.Thread(target=look, name="start-check", daemon=True).start()


def _look_at_database(keys: Sequence[str]) -> None:
    try:
        with session():
            missing = migrations.pending()
            said = "" if missing else key_print.compare(keys, socket.gethostname(), utc_now())
    except TemporaryFailure as error:
        log.error("%s", error)
        return
    if missing:
        log.error("the database lacks %s: run aoli db upgrade", ", ".join(missing))
    if said:
        log.error("%s", said)


def _look_at_redis(url: str) -> None:
    why = why_away(url)
    if why:
        log.error("Redis does not answer (AOLI_REDIS_URL): %s", why)
