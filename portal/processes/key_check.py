"""Says when this machine's secret key is not that of the portal's other processes."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Sequence

from portal.domain.errors import TemporaryFailure
from portal.models.db import session
from portal.services.records import key_print
from portal.wiring.parts import utc_now

log = logging.getLogger(__name__)


def begin(secret_keys: Sequence[str]) -> threading.Thread:
    """Compare beside the start, which must not wait for a database that is away."""
    thread = threading.Thread(target=_compare, args=(secret_keys,), name="keys", daemon=True)
    thread.start()
    return thread


def adopt(secret_keys: Sequence[str]) -> None:
    """The init step decides: from now on this key is the portal's. Needs a session."""
    said = key_print.compare(secret_keys, socket.gethostname(), utc_now(), adopt=True)
    if said:
        log.error("%s", said)


def _compare(secret_keys: Sequence[str]) -> None:
    try:
        with session():
            said = key_print.compare(secret_keys, socket.gethostname(), utc_now())
    except TemporaryFailure:
        return  # whoever needs the database says so
    if said:
        log.error("%s", said)
