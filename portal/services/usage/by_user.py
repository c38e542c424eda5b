"""What each user of a virtual cluster holds now and booked in the past month.

A line is a user and a device type. There are few lines with something in them; all other
users of the VC follow by name, fetched only for the page that shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.domain.usage import MONTH_MS, idle_percent
from portal.models import GroupMemberRow, GroupRow, UserRow, VcMemberRow
from portal.models.db import session
from portal.services.usage.over_time import UserKey, booked_hours, held_now
from portal.services.vcs.reading import VirtualCluster

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class UserUse:
    """One line. What is ``None`` is not measured: idleness needs a source of metrics."""

    username: str
    device_type: str
    allocated: int = 0
    allocated_preemptible: int = 0
    idle: int | None = None
    booked_hours: float = 0.0
    idle_hours: float | None = None

    @property
    def idle_percent(self) -> float | None:
        """Share of the booked hours that was idle; ``None`` where nothing was booked."""
        return idle_percent(self.booked_hours, self.idle_hours)


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Which lines. Without ``everyone`` only users who hold devices now."""

    everyone: bool = False
    q: str = ""
    device_type: str = ""
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some lines, the sum of all of them, and how many there are."""

    items: list[UserUse]
    total: UserUse
    count: int


def user_page(vc: VirtualCluster, query: UserQuery, now: datetime) -> UserPage:
    """The lines that ``query`` asks for, most devices and hours first."""
    busy = _busy(vc, query, now)
    shown = busy[query.offset : query.offset + query.limit]
    count = len(busy)
    if query.everyone:
        rest = _Rest(vc, query, frozenset((use.username, use.device_type) for use in busy))
        count += rest.count
        missing = query.limit - len(shown)
        if missing > 0:
            shown += rest.lines(max(0, query.offset - len(busy)), missing)
    return UserPage(shown, _total(busy), count)


def every_line(vc: VirtualCluster, query: UserQuery, now: datetime) -> Iterator[UserUse]:
    """All lines, for an export; a fixed number of them in memory at once.

    They may be read after the request: each part takes a database connection for itself.
    """
    with session():
        found = _busy(vc, query, now)
        names = frozenset((use.username, use.device_type) for use in found)
        rest = _Rest(vc, query, names) if query.everyone else None
    yield from found
    for offset in range(0, rest.count if rest else 0, CHUNK):
        with session():
            found = rest.lines(offset, CHUNK) if rest else []
        yield from found


def _busy(vc: VirtualCluster, query: UserQuery, now: datetime) -> list[UserUse]:
    held, booked = held_now(vc.name), booked_hours(vc.name, now, MONTH_MS)
    keys = held.keys() | booked.keys() if query.everyone else held.keys()
    lines = [_line(key, held, booked) for key in keys if _wanted(key, query)]
    return sorted(lines, key=lambda u: (-u.allocated, -u.booked_hours, u.username, u.device_type))


def _line(
    key: UserKey, held: dict[UserKey, tuple[int, int]], booked: dict[UserKey, float]
) -> UserUse:
    kind, username = key
    whole, preemptible = held.get(key, (0, 0))
    return UserUse(username, kind, whole, preemptible, booked_hours=booked.get(key, 0.0))


def _wanted(key: UserKey, query: UserQuery) -> bool:
    kind, username = key
    named = query.q.lower() in username.lower()
    return named and (not query.device_type or kind == query.device_type)


def _total(lines: list[UserUse]) -> UserUse:
    return UserUse(
        username="",
        device_type="",
        allocated=sum(use.allocated for use in lines),
        allocated_preemptible=sum(use.allocated_preemptible for use in lines),
        booked_hours=sum(use.booked_hours for use in lines),
    )


class _Rest:
    """Every other user of the VC, with each of its device types: nothing held, nothing booked."""

    def __init__(
        self, vc: VirtualCluster, query: UserQuery, busy: frozenset[tuple[str, str]]
    ) -> None:
        kinds = [kind for kind, quota in sorted(vc.quota.items()) if quota]
        self._kinds = [kind for kind in kinds if query.device_type in ("", kind)]
        self._users = _users(vc, query.q)
        self._partly = sorted({name for name, _ in busy})
        self._lines = [
            UserUse(name, kind)
            for name in self._partly
            for kind in self._kinds
            if (name, kind) not in busy
        ]
        self._idle = self._users.where(UserRow.username.not_in(self._partly))
        self.count = len(self._lines) + self._idle.count() * len(self._kinds)

    def lines(self, offset: int, limit: int) -> list[UserUse]:
        """Some of them: first the other types of users who have something, then by name."""
        found = self._lines[offset : offset + limit]
        begin = max(0, offset - len(self._lines))
        width = len(self._kinds)
        if len(found) == limit or not width:
            return found
        first, skip = divmod(begin, width)
        many = (limit - len(found) + skip + width - 1) // width
        names: Any = self._idle.order_by(UserRow.username).offset(first).limit(many).tuples()
        more = [UserUse(name, kind) for (name,) in names for kind in self._kinds]
        return found + more[skip : skip + limit - len(found)]


def _users(vc: VirtualCluster, q: str) -> Any:
    """Active users who may use the VC."""
    users = UserRow.select(UserRow.username).where(UserRow.active == True)
    if q:
        users = users.where(UserRow.username.contains(q))
    if vc.members.get("users") or vc.members.get("groups"):
        users = users.where(
            UserRow.username.in_(_members(vc.name)) | UserRow.id.in_(_group_members(vc.name))
        )
    return users


def _members(vc: str) -> Any:
    return VcMemberRow.select(VcMemberRow.name).where(
        VcMemberRow.vc == vc, VcMemberRow.kind == "user"
    )


def _group_members(vc: str) -> Any:
    groups = VcMemberRow.select(VcMemberRow.name).where(
        VcMemberRow.vc == vc, VcMemberRow.kind == "group"
    )
    ids = GroupRow.select(GroupRow.id).where(GroupRow.name.in_(groups))
    return GroupMemberRow.select(GroupMemberRow.user_id).where(GroupMemberRow.group_id.in_(ids))
