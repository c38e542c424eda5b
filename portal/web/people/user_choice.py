"""Choosing users out of many: a search, a page of them, checked those who already belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request

from portal.http.access import actor
from portal.people.administration import administration
from portal.people.directory import Account, UserQuery
from portal.web.base.pager import Pager
from portal.web.base.table_address import TableAddress

FILTERS = ("q", "only")


@dataclass(frozen=True, slots=True)
class UserChoice:
    """What the page shows; ``inside`` holds the ids that are checked."""

    address: TableAddress
    users: Sequence[Account]
    inside: frozenset[int]
    pages: Pager

    @classmethod
    def read(cls, path: str, *, group: str = "", role: str = "") -> UserChoice:
        """The page that the address asks for, of a group's or a role's users."""
        address = TableAddress.read(path, request.args, FILTERS)
        only = bool(address.filters["only"])
        found, total = administration().users.find(
            actor(),
            UserQuery(
                q=address.filters["q"],
                group=group if only else "",
                role=role if only else "",
                limit=address.limit,
                offset=address.offset,
            ),
        )
        inside = frozenset(
            user.id for user in found if group in user.groups or (role and role in user.roles)
        )
        more = address.offset + len(found) < total
        return cls(address, found, inside, Pager.of(address, len(found), total, more))


def numbers(name: str) -> set[int]:
    """The ids that a form sends under ``name``."""
    return {int(one) for one in request.form.getlist(name) if one.isdecimal() and len(one) < 10}
