"""Slows down guessing of passwords: five wrong ones per account and address, then a pause.

Counts live in Redis where there is one, so that all web processes share them; while Redis is
away each process counts for itself.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

log = logging.getLogger(__name__)

WINDOW_MINUTES = 5


@dataclass(frozen=True, slots=True)
class _Count:
    limit: RateLimitItem
    keys: tuple[str, ...]


class Throttle:
    """Counts wrong passwords; ``wait_s`` says how long this one has to wait."""

    def __init__(
        self,
        storage_uri: str = "",
        *,
        name: str = "aoli-sign-in",
        per_account: int = 5,
        per_address: int = 50,
    ) -> None:
        self._per_account = RateLimitItemPerMinute(per_account, WINDOW_MINUTES, namespace=name)
        self._per_address = RateLimitItemPerMinute(per_address, WINDOW_MINUTES, namespace=name)
        self._fallback: Storage = MemoryStorage()
        self._shared = (
            storage_from_string(_limits_uri(storage_uri), wrap_exceptions=True)
            if storage_uri
            else None
        )

    def wait_s(self, account: str, address: str) -> int:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        for limiter in self._limiters():
            try:
                waits = [
                    limiter.get_window_stats(count.limit, *count.keys).reset_time
                    for count in self._counts(account, address)
                    if not limiter.test(count.limit, *count.keys)
                ]
                return max((int(at - time.time()) + 1 for at in waits), default=0)
            except StorageError as error:
                log.warning("sign-in counts are kept in this process only: %s", error)
        return 0

    def failed(self, account: str, address: str) -> None:
        """Note a wrong password."""
        for limiter in self._limiters():
            try:
                for count in self._counts(account, address):
                    limiter.hit(count.limit, *count.keys)
            except StorageError:
                continue
            return

    def succeeded(self, account: str, address: str) -> None:
        """Forget the account's wrong passwords from this address."""
        first = self._counts(account, address)[0]
        for limiter in self._limiters():
            try:
                limiter.clear(first.limit, *first.keys)
            except StorageError:
                continue

    def _counts(self, account: str, address: str) -> tuple[_Count, _Count]:
        return (
            _Count(self._per_account, (account.lower()[:128], address)),
            _Count(self._per_address, (address,)),
        )

    def _limiters(self) -> list[FixedWindowRateLimiter]:
        storages = [self._shared] if self._shared is not None else []
        return [FixedWindowRateLimiter(storage) for storage in [*storages, self._fallback]]


def _limits_uri(redis_url: str) -> str:
    """A Redis URL in the words of the ``limits`` library, which says ``redis+unix``."""
    scheme, separator, rest = redis_url.partition("://")
    return f"redis+unix{separator}{rest}" if scheme == "unix" else redis_url
