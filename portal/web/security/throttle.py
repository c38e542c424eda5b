"""Slows down guessing of passwords: five tries per account and address, then a pause.

A try is counted before the password is looked at, so that many at once are not more than one
after the other, and given back when it was right. Counts live in Redis where there is one, so
that all web processes share them; while Redis is away each process counts for itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from portal.web.security.account_fields import storable

log = logging.getLogger(__name__)

WINDOW_MINUTES = 5
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
    address, ``everywhere`` of one account from all addresses (0: as many as they like), each
    within :data:`WINDOW_MINUTES`.
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
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared = FixedWindowRateLimiter(_shared_storage(storage_uri)) if storage_uri else None
        self._away_until = 0.0

    def take(self, account: str, address: str) -> int:
        """Count a try; the seconds to wait when there were too many, 0 when it may be made."""

        def ask(limiter: FixedWindowRateLimiter) -> int:
            counts = self._counts(account, address)
            over = [one for one in counts if not limiter.hit(one.limit, *one.keys)]
            return _wait_s(limiter, over)

        return self._ask(ask)

    def wait_s(self, account: str, address: str) -> int:
        """Seconds until the next try is allowed; 0 when it is allowed now. Counts nothing."""

        def ask(limiter: FixedWindowRateLimiter) -> int:
            counts = self._counts(account, address)
            over = [one for one in counts if not limiter.test(one.limit, *one.keys)]
            return _wait_s(limiter, over)

        return self._ask(ask)

    def succeeded(self, account: str, address: str) -> None:
        """Give the try back, and forget the account's wrong ones from this address."""

        def ask(limiter: FixedWindowRateLimiter) -> int:
            first, *others = self._counts(account, address)
            limiter.clear(first.limit, *first.keys)
            for one in others:
                limiter.hit(one.limit, *one.keys, cost=-1)
            return 0

        self._ask(ask)

    def _counts(self, account: str, address: str) -> tuple[_Count, ...]:
        name = storable(account).strip().lower()[:128]
        counts = (
            _Count(self._per_account, (name, address)),
            _Count(self._per_address, (address,)),
        )
        return (*counts, _Count(self._everywhere, (name,))) if self._everywhere else counts

    def _ask(self, question: Callable[[FixedWindowRateLimiter], int]) -> int:
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return question(self._shared)
            except StorageError as error:
                self._away_until = time.monotonic() + PAUSE_S
                log.warning("tries are counted in this process only: %s", error)
        return question(self._own)


def _wait_s(limiter: FixedWindowRateLimiter, over: list[_Count]) -> int:
    now = time.time()
    ends = [limiter.get_window_stats(one.limit, *one.keys).reset_time for one in over]
    return max((max(int(end - now) + 1, 1) for end in ends), default=0)


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
