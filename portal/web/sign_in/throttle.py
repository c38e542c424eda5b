"""Slows down guessing of passwords: five wrong ones per account and address, then a pause.

First it is asked whether there were too many, then the password is looked at, then a wrong one
is counted; what is refused is not counted, so nobody can make a pause longer, or make it for
others. Counts live in Redis where there is one, so that all web processes share them; while
Redis is away each process counts for itself.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import cast

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from portal.domain.fields import storable

log = logging.getLogger(__name__)

WINDOW_MINUTES = 5
KNOWN_DAYS = 30
"""So long an address from which an account was entered is known as one of its own."""
ANSWER_S = 0.5
"""Redis that takes longer is as good as away: a sign-in does not wait for it."""
PAUSE_S = 5.0
"""It is then left alone so long."""


@dataclass(frozen=True, slots=True)
class _Count:
    limit: RateLimitItem
    keys: tuple[str, ...]


class Throttle:
    """Counts tries.

    ``per_account`` of one account from one address, ``per_address`` of all accounts from one
    address, ``everywhere`` of one account from all addresses that are not known as its own (0:
    as many as they like), each within :data:`WINDOW_MINUTES`. Of IPv6 the first half of an
    address counts: the other half is for each to choose.
    """

    def __init__(
        self,
        storage_uri: str = "",
        *,
        name: str = "aoli-sign-in",
        per_account: int = 5,
        per_address: int = 50,
        everywhere: int = 100,
    ) -> None:
        def within(most: int, kind: str) -> RateLimitItem:
            return RateLimitItemPerMinute(most, WINDOW_MINUTES, namespace=f"{name}-{kind}")

        self._per_account = within(per_account, "account")
        self._per_address = within(per_address, "address")
        self._everywhere = within(everywhere, "everywhere") if everywhere else None
        self._known = RateLimitItemPerDay(1, KNOWN_DAYS, namespace=f"{name}-known")
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._own_lock = threading.Lock()
        self._shared = FixedWindowRateLimiter(_shared_storage(storage_uri)) if storage_uri else None
        self._away_until = 0.0

    def take(self, account: str, address: str) -> int:
        """Count a try, or return the seconds to wait when there were too many already."""

        def ask(limiter: FixedWindowRateLimiter) -> int:
            counts = self._counts(limiter, account, address)
            wait = _wait_s(limiter, counts)
            if wait:
                return wait
            for place, one in enumerate(counts):
                if not limiter.hit(one.limit, *one.keys):  # others were quicker
                    for taken in counts[:place]:
                        limiter.hit(taken.limit, *taken.keys, cost=-1)
                    return _left_s(limiter, one)
            return 0

        return self._ask(ask)

    def wait_s(self, account: str, address: str) -> int:
        """Seconds until the next try is allowed; 0 when it is allowed now. Counts nothing."""
        return self._ask(lambda limiter: _wait_s(limiter, self._counts(limiter, account, address)))

    def succeeded(self, account: str, address: str) -> None:
        """Forget the account's wrong tries from this address, and know it as one of its own."""
        keys = _account(account), _network(address)

        def ask(limiter: FixedWindowRateLimiter) -> int:
            limiter.clear(self._per_account, *keys)
            if self._everywhere:
                limiter.clear(self._known, *keys)
                limiter.hit(self._known, *keys)
            return 0

        self._ask(ask)

    def _counts(
        self, limiter: FixedWindowRateLimiter, account: str, address: str
    ) -> tuple[_Count, ...]:
        name, network = _account(account), _network(address)
        counts = _Count(self._per_account, (name, network)), _Count(self._per_address, (network,))
        if self._everywhere is None or not limiter.test(self._known, name, network):
            return counts
        return (*counts, _Count(self._everywhere, (name,)))

    def _ask(self, question: Callable[[FixedWindowRateLimiter], int]) -> int:
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return question(self._shared)
            except StorageError as error:
                self._away_until = time.monotonic() + PAUSE_S
                log.warning("tries are counted in this process only: %s", error)
        with self._own_lock:  # the library's count in memory is not exact among threads
            return question(self._own)


def _account(typed: str) -> str:
    return storable(typed).strip().lower()[:128]


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def _wait_s(limiter: FixedWindowRateLimiter, counts: tuple[_Count, ...]) -> int:
    over = (one for one in counts if not limiter.test(one.limit, *one.keys))
    return max((_left_s(limiter, one) for one in over), default=0)


def _left_s(limiter: FixedWindowRateLimiter, count: _Count) -> int:
    end = limiter.get_window_stats(count.limit, *count.keys).reset_time
    return min(max(math.ceil(end - time.time()), 1), WINDOW_MINUTES * 60)


def _shared_storage(redis_url: str) -> Storage:
    made = storage_from_string(
        _limits_uri(redis_url),
        wrap_exceptions=True,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
    )
    return cast(Storage, made)


def _limits_uri(redis_url: str) -> str:
    """A Redis URL in the words of the ``limits`` library, which says ``redis+unix``."""
    scheme, separator, rest = redis_url.partition("://")
    return f"redis+unix{separator}{rest}" if scheme == "unix" else redis_url
