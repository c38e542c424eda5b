"""A list of users, groups or roles: what its address asks for, its rows, its pages; and choosing
users out of such a list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import render_template, request

from portal.http.access import actor
from portal.people.administration import administration
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


def users_page(title: str, path: str, *, group: str = "", role: str = "", **place: Any) -> str:
    """The page that offers users to a group or a role: a search, a page of them, checked those
    who belong; ``only`` leaves out all others.
    """
    only = {"group": group, "role": role} if request.args.get("only", "").strip() else {}
    listing = Listing.read(path, administration().users.find, ("q", "only"), **only)
    inside = {
        one.id
        for one in listing.rows
        if (group and group in one.groups) or (role and role in one.roles)
    }
    page = "people/choose_users.html"
    return render_template(page, title=title, choice=listing, inside=inside, **place)


def chosen() -> tuple[list[int], list[int]]:
    """The ids that the form takes in, and those that it lets go."""
    checked, before = (
        {int(one) for one in request.form.getlist(name) if one.isdecimal() and len(one) < 10}
        for name in ("chosen", "before")
    )
    return sorted(checked - before), sorted(before - checked)
