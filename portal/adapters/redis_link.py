"""How the portal talks to Redis (or Valkey): short time-outs, and calm while it is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

CONNECT_S = 1.0
ANSWER_S = 2.0
PAUSE_S = 1.0
"""Redis that did not answer is left alone so long: a caller must not wait again and again."""

Away = (redis.ConnectionError, redis.TimeoutError, OSError)
"""What is raised when Redis cannot be reached."""


def connect(url: str) -> redis.Redis:
    """Make a client; nothing is sent yet.

    One retry at once and no more: it fixes a pooled connection that a restart of Redis has
    broken. redis-py's own default sleeps up to ten seconds between three tries.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=CONNECT_S,
        retry=Retry(NoBackoff(), 1),
    )


def why_away(url: str) -> str:
    """What is wrong with the Redis at ``url``, in a line; nothing when it answers."""
    try:
        with connect(url) as client:
            client.ping()
    except (*Away, redis.RedisError) as error:
        return " ".join(str(error).split())
    return ""


class Link:
    """Calls that may be lost: tries them, logs when Redis goes and when it is back."""

    def __init__(self, purpose: str, drop: Callable[[], None] | None = None) -> None:
        self._purpose = purpose
        self._drop = drop
        self._lock = threading.Lock()
        self._away_until: float | None = None

    def attempt(self, call: Callable[[], object]) -> bool:
        """Make ``call``; False when Redis is away (or was, a moment ago)."""
        until = self._away_until
        if until is not None and time.monotonic() < until:
            return False
        try:
            call()
        except (*Away, redis.RedisError) as error:
            self._note_away(error)
            if isinstance(error, redis.exceptions.ReadOnlyError) and self._drop is not None:
                self._drop()  # its connections lead to what is now a replica
            return False
        if until is not None:
            self._note_back()
        return True

    def _note_away(self, error: Exception) -> None:
        with self._lock:
            first = self._away_until is None
            self._away_until = time.monotonic() + PAUSE_S
        if first:
            log.warning("%s: Redis does not answer: %s", self._purpose, error)

    def _note_back(self) -> None:
        with self._lock:
            was_away, self._away_until = self._away_until is not None, None
        if was_away:
            log.info("%s: Redis answers again", self._purpose)
