"""Which page of a list is shown, and where its neighbours are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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


@dataclass(frozen=True, slots=True)
class Pager:
    """What stands under a list; ``total`` is ``None`` when nobody counted to the end."""

    first: int
    last: int
    total: int | None
    previous: str
    next: str

    @classmethod
    def of(cls, address: Address, shown: int, total: int | None, more: bool) -> Pager:
        """The pager of one page with ``shown`` rows."""
        before = (address.number - 1) * address.limit
        step = address.number
        return cls(
            first=before + 1 if shown else 0,
            last=before + shown,
            total=total,
            previous=address.url(page="" if step == 2 else step - 1) if step > 1 else "",
            next=address.url(page=step + 1) if more else "",
        )
