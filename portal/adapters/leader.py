"""One leader among the schedulers: a lock in Redis that must be renewed.

A leader may be frozen (SIGSTOP, a machine that sleeps) and wake up long after another took
over. So :meth:`Leader.is_leader` goes by the clock, not by memory: it is true only while the
last renewal, counted from *before* it was sent, still holds. The epoch grows with every
change of leader; whoever writes may carry it as a fencing token.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable

import redis

from portal.adapters.redis_link import Away, connect

log = logging.getLogger(__name__)

_TAKE = """
if redis.call('GET', KEYS[1]) == ARGV[1] or redis.call('SET', KEYS[1], ARGV[1], 'NX') then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return redis.call('INCR', KEYS[2])
end
return 0
"""
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def _clock() -> float:
    """Seconds that go on while the process, or the whole machine, sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Leader:
    """Takes part in the election. :meth:`run` calls back from its own thread.

    ``token`` names the candidate. A supervisor that starts a crashed scheduler again gives
    it the same token: the lock is then its own, and no time is lost waiting for it to expire.
    """

    def __init__(
        self,
        url: str,
        ttl_s: float,
        *,
        on_gain: Callable[[int], None],
        on_loss: Callable[[], None],
        token: str | None = None,
        name: str = "scheduler",
        connection: redis.Redis | None = None,
    ) -> None:
        self._connection = connection or connect(url)
        self._ttl_s = ttl_s
        self._on_gain = on_gain
        self._on_loss = on_loss
        self._token = token or uuid.uuid4().hex
        self._keys = [f"aoli:leader:{name}", f"aoli:leader:{name}:epoch"]
        self._take = self._connection.register_script(_TAKE)
        self._renew = self._connection.register_script(_RENEW)
        self._release = self._connection.register_script(_RELEASE)
        self._until = 0.0
        self._leading = False
        self._away = False
        self.epoch = 0

    def is_leader(self) -> bool:
        """Whether the lock is surely held at this moment."""
        return self._leading and _clock() < self._until

    def run(self, stop: threading.Event) -> None:
        """Try for, hold, lose and regain the lead until ``stop``; then give it back."""
        while not stop.is_set():
            self._step()
            stop.wait(self._ttl_s / 6)
        self._lose()
        try:
            self._release(keys=self._keys[:1], args=[self._token])
        except (*Away, redis.RedisError):
            log.debug("the lead was not given back; it expires by itself")

    def _step(self) -> None:
        """One try. Callbacks come after the state is right."""
        if self._leading and not self.is_leader():
            self._lose()
        before = _clock()
        ttl: list[str | int] = [self._token, int(self._ttl_s * 1000)]
        try:
            if self._leading:
                held = bool(self._renew(keys=self._keys[:1], args=ttl))
            else:
                epoch = int(self._take(keys=self._keys, args=ttl))
                held = epoch > 0
        except (*Away, redis.RedisError) as error:
            if not self._away:
                log.warning("Redis does not answer: %s; without it nobody leads", error)
            self._away = True
            return  # What is held stays held until its time is over.
        if self._away:
            log.info("Redis answers again")
        self._away = False
        if held:
            self._until = before + self._ttl_s
            if not self._leading:
                self._gain(epoch)
        elif self._leading:
            self._lose()

    def _gain(self, epoch: int) -> None:
        self.epoch = epoch
        self._leading = True
        log.info("leading (epoch %d)", epoch)
        self._on_gain(epoch)

    def _lose(self) -> None:
        if self._leading:
            self._leading = False
            log.info("no longer leading")
            self._on_loss()
