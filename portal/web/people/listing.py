"""A list of users, groups or roles: what its address asks for, its rows, its pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request

from portal.http.access import actor
from portal.people.directory import PeopleQuery
from portal.web.base.pager import Pager
from portal.web.base.table_address import TableAddress

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """One page of a list."""

    address: TableAddress
    rows: Sequence[Row]
    total: int
    pages: Pager

    @classmethod
    def read(
        cls,
        path: str,
        find: Callable[..., tuple[list[Row], int]],
        filters: Sequence[str] = ("q",),
        sorts: Sequence[str] = (),
        **more: str,
    ) -> Listing[Row]:
        """The page that the request's address asks for.

        ``find`` is the use case. The first of ``sorts`` is the usual order. What the list is
        narrowed by besides its filters is ``more``.
        """
        address = TableAddress.read(path, request.args, filters, sorts, next(iter(sorts), ""))
        wanted: dict[str, Any] = {**address.filters, **more}
        wanted.pop("only", None)
        query = PeopleQuery(
            **wanted, sort=address.sort or "username", limit=address.limit, offset=address.offset
        )
        rows, total = find(actor(), query)
        end = address.offset + len(rows)
        return cls(address, rows, total, Pager.of(address, len(rows), total, end < total))
