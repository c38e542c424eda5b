"""Virtual clusters as their page shows them: who holds how much, and what may be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.domain.permission import Actor, Permission
from portal.services.vcs import activity as vc_activity
from portal.services.vcs import reading as virtual_clusters
from portal.services.vcs.activity import Activity
from portal.services.vcs.reading import VirtualCluster
from portal.web.base.frame import vc_access
from portal.web.base.words import clauses, gettext, listed, ngettext

COLOURS = (1, 3, 4, 5, 7, 2, 6)
"""Job colours for the first holders; the others share the last one, grey."""
OTHERS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """What one VC holds of a device type; drawn from ``left``."""

    name: str
    count: int
    left: int
    colour: int


@dataclass(frozen=True, slots=True)
class TypeShare:
    """How the devices of one type are given to the VCs."""

    device_type: str
    total: int
    remaining: int
    parts: Sequence[Part]

    @property
    def label(self) -> str:
        """The bar for those who do not see it."""
        said = [f"{part.name} {part.count}" for part in self.parts]
        return clauses([*said, gettext("%(n)s remaining", n=self.remaining)])


@dataclass(frozen=True, slots=True)
class VcItem:
    """One VC, for the reader of this answer."""

    vc: VirtualCluster
    activity: Activity
    manages: bool
    usable: bool
    current: bool

    @property
    def quota(self) -> list[tuple[str, int]]:
        """Device types of which it has any."""
        return [(kind, number) for kind, number in sorted(self.vc.quota.items()) if number]

    def usable_of(self, kind: str) -> int | None:
        """What it can use now where that is less than the quota, else ``None``."""
        usable = self.vc.usable_quota.get(kind, 0)
        return usable if usable < self.vc.quota.get(kind, 0) else None

    @property
    def in_use(self) -> str:
        """Devices held of all types together."""
        return f"{sum(self.vc.used.values())} / {sum(self.vc.quota.values())}"

    @property
    def members(self) -> str:
        """Who may use it, in a word."""
        users, groups = (len(self.vc.members[kind]) for kind in ("users", "groups"))
        if not users and not groups:
            return gettext("everyone")
        said = [ngettext("%(num)s user", "%(num)s users", users)] if users else []
        if groups:
            said.append(ngettext("%(num)s group", "%(num)s groups", groups))
        return listed(said)

    @property
    def jobs(self) -> str:
        """Its jobs that have not ended, in words."""
        said = []
        if self.activity.busy:
            said.append(gettext("%(n)s active", n=self.activity.busy))
        if self.activity.queued:
            said.append(gettext("%(n)s queued", n=self.activity.queued))
        if self.activity.paused:
            said.append(gettext("%(n)s paused", n=self.activity.paused))
        return clauses(said) or gettext("none")

    @property
    def role(self) -> str:
        """What the reader may do with it."""
        if self.manages:
            return gettext("Admin")
        return gettext("User") if self.usable else gettext("none")

    @property
    def no_change(self) -> str:
        """Why the quota cannot be changed now; empty when it can."""
        if not self.activity.busy:
            return ""
        return gettext("Its jobs are running, scheduling, pausing or killing.")

    @property
    def no_delete(self) -> str:
        """Why it cannot be deleted now; empty when it can."""
        if self.current:
            return gettext("This is your current virtual cluster. Switch to another one first.")
        return self.no_change


def lines(reader: Actor) -> list[VcItem]:
    """Those the reader may see, by name."""
    manages = reader.may(Permission.MANAGE_VC)
    access = vc_access()
    usable, current = access.usable, access.current
    active = vc_activity.activity()
    return [
        VcItem(
            vc,
            active.get(vc.name, Activity()),
            manages,
            vc.name in usable,
            current is not None and current.name == vc.name,
        )
        for vc in access.visible_to(reader).values()
    ]


def shares(device_types: Sequence[str], visible: Sequence[VcItem]) -> list[TypeShare]:
    """Every device type that there are devices or quotas of."""
    totals = virtual_clusters.device_totals()
    everything = sorted(vc_access().everything, key=lambda vc: (str(vc.created_at), vc.name))
    quotas = {vc.name: vc.quota for vc in everything}
    # By age: a new VC changes nobody's colour.
    by_age = sorted(visible, key=lambda line: (str(line.vc.created_at), line.vc.name))
    colours = {
        line.vc.name: COLOURS[i] if i < len(COLOURS) else OTHERS for i, line in enumerate(by_age)
    }
    found = []
    for kind in sorted({*device_types, *totals}):
        held = {name: quota.get(kind, 0) for name, quota in quotas.items() if quota.get(kind)}
        if totals.get(kind) or held:
            found.append(_share(kind, totals.get(kind, 0), held, colours))
    return found


def _share(kind: str, total: int, held: Mapping[str, int], colours: Mapping[str, int]) -> TypeShare:
    parts, left, hidden = [], 0, 0
    for name, count in held.items():
        if name not in colours:
            hidden += count  # a VC that the reader may not see shows as a number only
            continue
        parts.append(Part(name, count, left, colours[name]))
        left += count
    if hidden:
        parts.append(Part(gettext("others"), hidden, left, OTHERS))
    given = left + hidden
    return TypeShare(kind, max(total, given), max(total - given, 0), parts)
