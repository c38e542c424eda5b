"""Which page of a list is shown, and where the others are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

SLOTS = 7
"""Places for page numbers; the same for every page, so that none moves under the pointer."""
NEAR = SLOTS - 2
"""Pages named in a row at either end: one place is for the gap, one for the other end."""


class Address(Protocol):
    """An address that knows its page."""

    @property
    def number(self) -> int:
        """The page, from 1."""

    @property
    def limit(self) -> int:
        """Rows per page."""

    def url(self, **changes: object) -> str:
        """The address with some things changed."""


class NoSuchPage(Exception):
    """The list has become shorter than its address says; ``url`` is that of its last page."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


@dataclass(frozen=True, slots=True)
class PageLink:
    """One page of the list."""

    number: int
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Pager:
    """What stands under a list; ``total`` is ``None`` when nobody counted to the end.

    ``links`` holds ``None`` where pages are left out.
    """

    first: int
    last: int
    total: int | None
    previous: str
    next: str
    links: tuple[PageLink | None, ...]

    @classmethod
    def of(cls, address: Address, shown: int, total: int | None, more: bool) -> Pager:
        """The pager of one page with ``shown`` rows.

        Raises :class:`NoSuchPage` behind the end.
        """
        here, before = address.number, (address.number - 1) * address.limit
        end = None if total is None else max(1, -(-total // address.limit))
        if not shown and here > (end or 1):
            raise NoSuchPage(_url(address, end or 1))
        return cls(
            first=before + 1 if shown else 0,
            last=before + shown,
            total=total,
            previous=_url(address, here - 1) if here > 1 else "",
            next=_url(address, here + 1) if more else "",
            links=tuple(
                PageLink(number, _url(address, number), number == here) if number else None
                for number in _numbers(here, end, more)
            ),
        )


def _url(address: Address, number: int) -> str:
    return address.url(page="" if number == 1 else number)


def _numbers(here: int, end: int | None, more: bool) -> Iterator[int]:
    """The pages to name, 0 where some are left out; without an ``end`` only the next is known."""
    last = here + more if end is None else max(end, here)
    if end is not None and last <= SLOTS:
        low, high = 1, last
    elif here < NEAR:
        low, high = 1, NEAR
    elif end is not None and here > last - NEAR + 1:
        low, high = last - NEAR + 1, last
    else:
        low, high = here - 1, here + 1
    if low > 1:
        yield from (1, 0)
    yield from range(low, min(high, last) + 1)
    if end is None and more:
        yield 0
    elif high < last:
        yield from (0, last)
