"""What virtual clusters and users hold, and what they may still take.

Two books are kept. *Now* counts every job that holds devices, also those that are giving
them back. *Soon* leaves those out and counts the jobs for which a place is reserved. A job
may start when both allow it; when only *soon* does, it waits for what is being given back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from portal.domain import wait
from portal.domain.reason import Reason
from portal.domain.snapshot import Demand, Holding, Snapshot, VcShare

_Vc = tuple[str, str]
_User = tuple[str, str, str]


class _Book:
    """Devices in use by virtual cluster and class, and by user."""

    def __init__(self) -> None:
        self.firm: dict[_Vc, int] = defaultdict(int)
        """By non-preemptible jobs."""
        self.preemptible: dict[_Vc, int] = defaultdict(int)
        self.user: dict[_User, int] = defaultdict(int)

    def add(self, vc: str, user: str, kind: str, devices: int, preemptible: bool) -> None:
        books = self.preemptible if preemptible else self.firm
        books[vc, kind] += devices
        self.user[vc, kind, user] += devices


class Ledger:
    """The books of one planning pass."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._vcs: Mapping[str, VcShare] = snapshot.vcs
        self._shared = snapshot.preemptible_scope == "vc"
        self._now, self._soon = _Book(), _Book()
        for job in snapshot.holding:
            devices = job.total_devices
            if job.device_type is None or not devices:
                continue
            self._now.add(job.vc, job.user, job.device_type, devices, job.preemptible)
            if not job.stopping:
                self._soon.add(job.vc, job.user, job.device_type, devices, job.preemptible)

    def obstacle(self, demand: Demand, kind: str) -> Reason | None:
        """Why the quota or the user's limit does not allow ``demand``, even soon.

        What a non-preemptible job can get by preempting in its own virtual cluster is no
        obstacle, see :meth:`excess`.
        """
        needed = demand.total_devices
        if not self._borrows(demand):
            used = self._used(self._soon, demand, kind)
            quota = self._quota(demand, kind)
            if used + needed > quota:
                return wait.vc_quota(kind, used=used, quota=quota, needed=needed)
        limit = self._user_limit(demand, kind)
        held = self._soon.user[demand.vc, kind, demand.user]
        if limit is not None and held + needed > limit:
            return wait.user_limit(kind, used=held, limit=limit, needed=needed)
        return None

    def excess(self, demand: Demand, kind: str) -> int:
        """Devices that preemptible jobs of its own VC must give back before it may start."""
        if not self._shared:
            return 0
        return max(0, self._over_quota(self._soon, demand, kind))

    def shortage_now(self, demand: Demand, kind: str) -> int:
        """Devices that must be given back before the books of now allow it."""
        limit = self._user_limit(demand, kind)
        needed = demand.total_devices
        over = 0
        if not self._borrows(demand):
            used = self._used(self._now, demand, kind)
            over = used + needed - self._quota(demand, kind)
        if self._shared:
            over = max(over, self._over_quota(self._now, demand, kind))
        if limit is not None:
            over = max(over, self._now.user[demand.vc, kind, demand.user] + needed - limit)
        return max(0, over)

    def could_ever(self, demand: Demand, kind: str) -> bool:
        """Whether quota and limit would allow ``demand`` if nobody else used anything."""
        limit = self._user_limit(demand, kind)
        enough = self._borrows(demand) or demand.total_devices <= self._quota(demand, kind)
        return enough and (limit is None or demand.total_devices <= limit)

    def start(self, demand: Demand, kind: str) -> None:
        """``demand`` holds its devices from now on."""
        self._add(self._now, demand, kind)
        self._add(self._soon, demand, kind)

    def reserve(self, demand: Demand, kind: str) -> None:
        """``demand`` will hold its devices soon."""
        self._add(self._soon, demand, kind)

    def give_back(self, job: Holding) -> None:
        """``job`` will not hold its devices for long."""
        assert job.device_type is not None
        self._soon.add(job.vc, job.user, job.device_type, -job.total_devices, job.preemptible)

    def _add(self, book: _Book, demand: Demand, kind: str) -> None:
        book.add(demand.vc, demand.user, kind, demand.total_devices, demand.preemptible)

    def _borrows(self, demand: Demand) -> bool:
        """Whether its quota is no bound for it: it takes what others leave idle."""
        return demand.preemptible and not self._shared

    def _quota(self, demand: Demand, kind: str) -> int:
        return self._vcs[demand.vc].quota.get(kind, 0)

    def _user_limit(self, demand: Demand, kind: str) -> int | None:
        return self._vcs[demand.vc].user_limit.get(kind)

    def _used(self, book: _Book, demand: Demand, kind: str) -> int:
        """The use that counts against ``demand``: only firm use for a firm job."""
        used = book.firm[demand.vc, kind]
        return used + book.preemptible[demand.vc, kind] if demand.preemptible else used

    def _over_quota(self, book: _Book, demand: Demand, kind: str) -> int:
        """How far both classes together would be above the quota with ``demand``."""
        both = book.firm[demand.vc, kind] + book.preemptible[demand.vc, kind]
        return both + demand.total_devices - self._quota(demand, kind)
