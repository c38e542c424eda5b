"""Virtual clusters: their quotas, their members, and which one a user works in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from peewee import fn

from portal.domain.errors import NotFound
from portal.domain.job_state import HOLDING
from portal.domain.permission import Actor, Permission
from portal.domain.planning import VcShare
from portal.models import JobRow, NodeRow, UserChoiceRow, VcMemberRow, VcRow
from portal.models.db import database
from portal.services.records import inventory
from portal.services.vcs import shortages
from portal.services.vcs.offer import VcOffer

FIRST_VC = "platform"
"""Made at the first start; holds all devices that were found."""
_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class VirtualCluster:
    """A VC as pages and the API show it."""

    name: str
    quota: Mapping[str, int]
    used: Mapping[str, int] = field(default_factory=dict)
    usable_quota: Mapping[str, int] = field(default_factory=dict)
    """What it can use of its quota now: less while too few nodes take jobs."""
    user_limit: Mapping[str, int] = field(default_factory=dict)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    max_run_time_s: int | None = None
    preempt_grace_s: int = 30
    created_at: datetime | None = None


def list_all() -> list[VirtualCluster]:
    """Every VC with what its jobs hold now; four queries whatever their number."""
    used = used_devices()
    rows = list(VcRow.select().order_by(VcRow.name))
    usable = shortages.usable_quotas([_share(row) for row in rows])
    members = all_members()
    return [_load(row, used, usable, members[row.name]) for row in rows]


def all_members() -> dict[str, dict[str, list[str]]]:
    """Names of ``users`` and ``groups`` by VC."""
    members: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"users": [], "groups": []})
    for row in VcMemberRow.select().order_by(VcMemberRow.name):
        members[row.vc][f"{row.kind}s"].append(row.name)
    return members


def get(name: str) -> VirtualCluster:
    """One VC; raises ``NotFound``."""
    for vc in list_all():
        if vc.name == name:
            return vc
    raise NotFound("There is no such virtual cluster")


def _share(row: VcRow) -> VcShare:
    return VcShare(row.name, row.quota, row.user_limit)


def _load(
    row: VcRow,
    used: Mapping[tuple[str, str], int],
    usable: shortages.Usable,
    members: Mapping[str, list[str]],
) -> VirtualCluster:
    return VirtualCluster(
        name=row.name,
        quota=row.quota,
        used={kind: used.get((row.name, kind), 0) for kind in row.quota},
        usable_quota={kind: usable.get((row.name, kind), n) for kind, n in row.quota.items()},
        user_limit=row.user_limit,
        members={kind: tuple(names) for kind, names in members.items()},
        max_run_time_s=row.max_run_time_s,
        preempt_grace_s=row.preempt_grace_s,
        created_at=row.created_at,
    )


def used_devices() -> dict[tuple[str, str], int]:
    """Devices held now by VC and device type."""
    rows: Any = (
        JobRow.select(JobRow.vc, JobRow.device_type, fn.SUM(JobRow.devices * JobRow.nodes))
        .where(JobRow.state.in_([state.value for state in HOLDING]), JobRow.released == False)
        .group_by(JobRow.vc, JobRow.device_type)
        .tuples()
    )
    return {(vc, kind): int(total) for vc, kind, total in rows if kind}


@dataclass(frozen=True, slots=True)
class VcAccess:
    """The virtual clusters as one user sees them, read once for everything that asks."""

    everything: list[VirtualCluster]
    """All there are, by name; only for who may manage them."""
    usable: dict[str, VirtualCluster]
    """Those they may use."""
    current: VirtualCluster | None
    """The one they work in."""

    def visible_to(self, actor: Actor) -> dict[str, VirtualCluster]:
        """Those they may use; all of them for who may manage them."""
        if actor.may(Permission.MANAGE_VC):
            return {vc.name: vc for vc in self.everything}
        return self.usable


def access(actor: Actor) -> VcAccess:
    """What ``actor`` may use and see now; five queries whatever the number of VCs."""
    everything = list_all()
    usable = {vc.name: vc for vc in everything if _is_member(actor, vc.members)}
    return VcAccess(everything, usable, _current(actor, usable))


def usable(actor: Actor) -> dict[str, VirtualCluster]:
    """The VCs that ``actor`` may use: open ones, and those they or their group is a member of."""
    return {vc.name: vc for vc in list_all() if _is_member(actor, vc.members)}


def _is_member(actor: Actor, members: Mapping[str, Sequence[str]]) -> bool:
    return belongs(actor.username, actor.groups, members)


def belongs(username: str, groups: Set[str], members: Mapping[str, Sequence[str]]) -> bool:
    """Whether a user of these groups may use a VC with such members; nobody listed is everybody."""
    users, listed = members["users"], members["groups"]
    if not users and not listed:
        return True
    return username in users or not groups.isdisjoint(listed)


def offers(actor: Actor) -> dict[str, VcOffer]:
    """What ``actor`` may submit to; two queries."""
    members = all_members()
    return {
        row.name: VcOffer(row.name, row.quota, row.user_limit)
        for row in VcRow.select().order_by(VcRow.name)
        if _is_member(actor, members[row.name])
    }


def current(actor: Actor) -> VirtualCluster | None:
    """The VC that ``actor`` works in: their choice, else the oldest they may use.

    The oldest, so that adding a VC moves nobody out of the one they work in.
    """
    return access(actor).current


def _current(actor: Actor, choices: Mapping[str, VirtualCluster]) -> VirtualCluster | None:
    row = UserChoiceRow.get_or_none(UserChoiceRow.user_id == actor.user_id)
    chosen = row.current_vc if row else None
    if chosen and chosen in choices:
        return choices[chosen]
    by_age = sorted(choices.values(), key=lambda vc: (vc.created_at or _OLDEST, vc.name))
    return by_age[0] if by_age else None


def select(actor: Actor, name: str) -> VirtualCluster:
    """Make ``name`` the current VC; raises ``NotFound`` when ``actor`` may not use it."""
    vc = usable(actor).get(name)
    if vc is None:
        raise NotFound("There is no virtual cluster of this name that you may use")
    UserChoiceRow.insert(user_id=actor.user_id, current_vc=name).on_conflict(
        conflict_target=[UserChoiceRow.user_id], update={UserChoiceRow.current_vc: name}
    ).execute()
    return vc


def shares() -> dict[str, VcShare]:
    """All VCs as the planner sees them."""
    return {row.name: _share(row) for row in VcRow.select()}


def preempt_grace_s(name: str) -> int:
    """The grace period that the VC gives to preempted jobs, in seconds."""
    row = VcRow.get_or_none(VcRow.name == name)
    return row.preempt_grace_s if row else 30


def ensure_first(now: datetime) -> bool:
    """Make the VC ``platform`` with all devices found, when there is no VC; True if made.

    While it is the only one and untouched (version 1), it grows with the cluster: devices
    that are found later belong to it too.
    """
    if _first_quota(device_totals()) is None:
        return False
    with database.atomic():
        inventory.take_turn()  # of several at once, and beside who shares out devices by hand
        quota = _first_quota(device_totals())
        if quota is None:
            return False
        made = not VcRow.select().exists()
        if made:
            create(FIRST_VC, quota, now)
        else:
            VcRow.update(quota=quota).where(VcRow.version == 1).execute()
    return made


def _first_quota(totals: Mapping[str, int]) -> dict[str, int] | None:
    """What the first VC is to hold, ``None`` when nothing is to change."""
    rows = list(VcRow.select().limit(2))
    if not rows:
        return dict(totals)
    only = rows[0]
    grown = {kind: max(n, only.quota.get(kind, 0)) for kind, n in totals.items()}
    untouched = len(rows) == 1 and only.version == 1
    return {**only.quota, **grown} if untouched and {**only.quota, **grown} != only.quota else None


def create(name: str, quota: Mapping[str, int], now: datetime, **columns: Any) -> None:
    """Write a new VC; the rules are the caller's."""
    values = {"user_limit": {}, **columns}
    VcRow.insert(name=name, quota=dict(quota), created_at=now, **values).execute()


def device_totals() -> dict[str, int]:
    """All devices of the cluster by type, cordoned and unready nodes included."""
    rows: Any = (
        NodeRow.select(NodeRow.device_type, fn.SUM(NodeRow.devices))
        .where(NodeRow.device_type.is_null(False))
        .group_by(NodeRow.device_type)
        .tuples()
    )
    return {kind: int(total) for kind, total in rows}
