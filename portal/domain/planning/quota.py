"""What virtual clusters and users hold, and what they may still take.

Two books are kept. *Now* counts every job that holds devices, also those that are giving
them back. *Soon* leaves those out and counts the jobs for which a place is reserved. A job
may start when both allow it; when only *soon* does, it waits for what is being released.

Each book has two bounds for a virtual cluster: its quota for everything that its jobs hold,
and its part (:mod:`~.shortage`) for what they hold on nodes that take jobs.
While there is no shortage the part is the quota.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from portal.domain.planning import wait
from portal.domain.planning.shortage import Shares
from portal.domain.planning.snapshot import Demand, Holding, Snapshot, VcShare
from portal.domain.reason import Reason

_Hold = tuple[str, str, bool, bool]
"""VC, device type, preemptible, only on nodes that take jobs."""
_User = tuple[str, str, str]


class _Book:
    """Devices in use by virtual cluster, class and place, and by user."""

    def __init__(self) -> None:
        self._held: dict[_Hold, int] = defaultdict(int)
        self.user: dict[_User, int] = defaultdict(int)

    def add(self, job: Demand | Holding, kind: str, devices: int, held_open: int) -> None:
        """``job`` holds so many devices more, so many of them on nodes that take jobs."""
        self._held[job.vc, kind, job.preemptible, False] += devices
        self._held[job.vc, kind, job.preemptible, True] += held_open
        self.user[job.vc, kind, job.user] += devices

    def held(self, vc: str, kind: str, *, both: bool, only_open: bool) -> int:
        """Devices of non-preemptible jobs, or of ``both`` classes."""
        firm = self._held[vc, kind, False, only_open]
        return firm + self._held[vc, kind, True, only_open] if both else firm


@dataclass(frozen=True, slots=True)
class Excess:
    """Devices that preemptible jobs of a VC must release before a job of it may start."""

    anywhere: int = 0
    """For its quota."""
    open: int = 0
    """Of those, on nodes that take jobs, for its part while there is a shortage."""

    def __bool__(self) -> bool:
        return self.anywhere > 0 or self.open > 0

    def less(self, devices: int, held_open: int) -> Excess:
        """What remains when somebody releases so many devices; it may be below 0."""
        return Excess(self.anywhere - devices, self.open - held_open)


NO_EXCESS = Excess()


@dataclass(frozen=True, slots=True)
class Share:
    """What counts against a job's quota, the quota, and what is usable of it now."""

    used: int
    used_open: int
    """Of those, on nodes that take jobs."""
    quota: int
    usable: int


class Ledger:
    """The books of one planning pass."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._vcs: Mapping[str, VcShare] = snapshot.vcs
        self._shared = snapshot.preemptible_scope == "vc"
        self._shares = Shares(snapshot.nodes, snapshot.vcs.values())
        self._now, self._soon = _Book(), _Book()
        for job in snapshot.holding:
            devices = job.total_devices
            if job.device_type is None or not devices:
                continue
            kind, held_open = job.device_type, self._open(job)
            self._now.add(job, kind, devices, held_open)
            if not job.stopping:
                self._soon.add(job, kind, devices, held_open)

    def obstacle(self, demand: Demand, kind: str) -> Reason | None:
        """Why the quota, the VC's part or the user's limit does not allow it, even soon.

        What a non-preemptible job can get by preempting in its own virtual cluster is no
        obstacle, see :meth:`excess`.
        """
        never = self.never(demand, kind)
        if never is not None:
            return never
        needed, share = demand.total_devices, self.share(demand, kind)
        found = self._above_share(demand.vc, kind, share, needed) if share else None
        if found is not None:
            return found
        held = self.held_by_user(demand, kind)
        if held is not None and held[0] + needed > held[1]:
            return wait.user_limit(kind, used=held[0], limit=held[1], needed=needed)
        return None

    def never(self, demand: Demand, kind: str) -> Reason | None:
        """Why it could not start if nobody else used anything; a shortage of nodes passes."""
        quota = None if self._borrows(demand) else self._shares.quota(demand.vc, kind)
        limit = self._user_limit(demand, kind)
        return wait.never_fits(kind, needed=demand.total_devices, quota=quota, limit=limit)

    def _above_share(self, vc: str, kind: str, share: Share, needed: int) -> Reason | None:
        used, quota, usable = share.used, share.quota, share.usable
        if used + needed > quota:
            return wait.vc_quota(kind, used=used, quota=quota, needed=needed, usable=usable)
        if share.used_open + needed > self._shares.part(vc, kind):
            short = self._shares.of(kind)
            return wait.vc_shortage(
                kind, short, used=used, quota=quota, needed=needed, usable=usable
            )
        return None

    def share(self, demand: Demand, kind: str) -> Share | None:
        """The quota as it bounds ``demand``; ``None`` where it is no bound for it."""
        if self._borrows(demand):
            return None
        vc, both = demand.vc, demand.preemptible
        used = self._soon.held(vc, kind, both=both, only_open=False)
        used_open = self._soon.held(vc, kind, both=both, only_open=True)
        usable = self._shares.usable(vc, kind, used, used_open)
        return Share(used, used_open, self._shares.quota(vc, kind), usable)

    def held_by_user(self, demand: Demand, kind: str) -> tuple[int, int] | None:
        """What its user holds and may hold at most; ``None`` without a limit."""
        limit = self._user_limit(demand, kind)
        return None if limit is None else (self._soon.user[demand.vc, kind, demand.user], limit)

    def excess(self, demand: Demand, kind: str) -> Excess:
        """Devices that preemptible jobs of its own VC must release before it may start."""
        if not self._shared or demand.preemptible:
            return NO_EXCESS
        return self._over(self._soon, demand, kind, both=True)

    def missing_now(self, demand: Demand, kind: str) -> int:
        """Devices that must be released before the books of now allow it."""
        limit = self._user_limit(demand, kind)
        over = 0
        if not self._borrows(demand):
            both = demand.preemptible or self._shared
            above = self._over(self._now, demand, kind, both=both)
            over = max(above.anywhere, above.open)
        if limit is not None:
            held = self._now.user[demand.vc, kind, demand.user]
            over = max(over, held + demand.total_devices - limit)
        return over

    def could_ever(self, demand: Demand, kind: str) -> bool:
        """Whether quota, part and limit would allow it if nobody else used anything."""
        limit = self._user_limit(demand, kind)
        enough = self._borrows(demand) or demand.total_devices <= self._shares.part(demand.vc, kind)
        return enough and (limit is None or demand.total_devices <= limit)

    def start(self, demand: Demand, kind: str) -> None:
        """``demand`` holds its devices from now on."""
        self._now.add(demand, kind, demand.total_devices, demand.total_devices)
        self.reserve(demand, kind)

    def reserve(self, demand: Demand, kind: str) -> None:
        """``demand`` will hold its devices soon."""
        self._soon.add(demand, kind, demand.total_devices, demand.total_devices)

    def give_back(self, job: Holding) -> None:
        """``job`` will not hold its devices for long."""
        assert job.device_type is not None
        self._soon.add(job, job.device_type, -job.total_devices, -self._open(job))

    def _open(self, job: Holding) -> int:
        assert job.device_type is not None
        return self._shares.held_open(job.device_type, job.placement)

    def _borrows(self, demand: Demand) -> bool:
        """Whether its quota is no bound for it: it takes what others leave idle."""
        return demand.preemptible and not self._shared

    def _user_limit(self, demand: Demand, kind: str) -> int | None:
        return self._vcs[demand.vc].user_limit.get(kind)

    def _over(self, book: _Book, demand: Demand, kind: str, *, both: bool) -> Excess:
        """How far the VC would be above its two bounds with ``demand``; never below 0."""
        vc, needed = demand.vc, demand.total_devices
        held = book.held(vc, kind, both=both, only_open=False)
        held_open = book.held(vc, kind, both=both, only_open=True)
        return Excess(
            max(0, held + needed - self._shares.quota(vc, kind)),
            max(0, held_open + needed - self._shares.part(vc, kind)),
        )
