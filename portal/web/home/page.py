"""Home: the current virtual cluster at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template

from portal.domain.job_state import HOLDING
from portal.domain.permission import Permission
from portal.domain.storage_path import roots
from portal.domain.usage import DAY_MS, HOUR_MS, Span
from portal.http.access import actor, allowed, requires
from portal.http.services import services
from portal.services.jobs.listing import JobQuery
from portal.services.records.allocations import milliseconds
from portal.services.usage import over_time as usage
from portal.services.vcs.reading import VirtualCluster
from portal.web.base.formats import clock_seconds, now
from portal.web.base.frame import current_vc
from portal.web.jobs.items import make_item
from portal.web.jobs.waiting import waiting

blueprint = Blueprint("home", __name__)

RECENT = 8
MAX_HELD = 200


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """Devices of one type in the current virtual cluster."""

    device_type: str
    mine: int
    others: int
    quota: int
    past: Sequence[float] = ()
    """Devices in use over the last 24 hours."""

    @property
    def least(self) -> int:
        """The fewest in the past, as whole devices."""
        return round(min(self.past))

    @property
    def most(self) -> int:
        """The most in the past, as whole devices."""
        return round(max(self.past))

    @property
    def mean(self) -> str:
        """What was in use on average."""
        return f"{sum(self.past) / len(self.past):.1f}"

    @property
    def used(self) -> int:
        """All that are held."""
        return self.mine + self.others

    @property
    def squares(self) -> int:
        """Jobs may hold more than the quota for a while (it was lowered)."""
        return max(self.quota, self.used)


@blueprint.get("/")
@requires()
def index() -> str:
    """The page."""
    return render_template("home/home.html", **_values())


@blueprint.get("/home/cards")
@requires()
def cards() -> str:
    """The cards alone, for the live update."""
    return render_template("home/cards.html", **_values())


def _values() -> dict[str, Any]:
    vc = current_vc()
    folders = roots(services().settings.storage, actor().username, "", services().clock())
    return {
        "vc": vc,
        "may_submit": allowed(Permission.SUBMIT_JOB),
        "folders": folders,
        "storage": services().storage.usage({"root": services().settings.storage, **folders}),
        "tried_at": clock_seconds(now()),
        "devices": _devices(vc) if vc else [],
        "counts": _counts(vc) if vc else {},
        "may_see_cluster": allowed(Permission.VIEW_CLUSTER),
        "whole_vc": allowed(Permission.VIEW_ALL_JOBS),
        **(_jobs(vc) if vc else {"lines": [], "total": 0, "why": None, "oldest": None}),
    }


def _devices(vc: VirtualCluster) -> list[DeviceUse]:
    mine, past = _my_devices(vc), usage.vc_lines(vc, _last_day())
    return [
        DeviceUse(
            device_type=name,
            mine=min(mine[name], vc.used.get(name, 0)),
            others=max(vc.used.get(name, 0) - mine[name], 0),
            quota=quota,
            past=past.get(name, ()),
        )
        for name, quota in sorted(vc.quota.items())
        if quota or vc.used.get(name)
    ]


def _last_day() -> Span:
    """Half hours up to the minute: the cards change only when there is news."""
    end_ms = milliseconds(services().clock())
    half_hour_ms = HOUR_MS // 2
    return Span(end_ms - end_ms % usage.MINUTE_MS, half_hour_ms, DAY_MS // half_hour_ms)


def _my_devices(vc: VirtualCluster) -> Counter[str]:
    holding = tuple(state.value for state in HOLDING)
    query = JobQuery(vc=vc.name, statuses=holding, limit=MAX_HELD)
    held: Counter[str] = Counter()
    for job in services().jobs.page(actor(), query).items:
        held[job["device_type"] or ""] += job["total_devices"]
    return held


def _counts(vc: VirtualCluster) -> Mapping[str, int]:
    """Jobs by state: of everybody for who may see them, else of the reader."""
    scope = "all" if allowed(Permission.VIEW_ALL_JOBS) else "mine"
    return services().jobs.counts(actor(), JobQuery(scope=scope, vc=vc.name))


def _jobs(vc: VirtualCluster) -> dict[str, Any]:
    recent = services().jobs.page(actor(), JobQuery(vc=vc.name, limit=RECENT))
    oldest = services().jobs.page(
        actor(), JobQuery(vc=vc.name, statuses=("queued",), sort="submitted", limit=1)
    )
    waiting_line = make_item(oldest.items[0], actor()) if oldest.items else None
    return {
        "lines": [make_item(job, actor()) for job in recent.items],
        "total": recent.total,
        "oldest": waiting_line,
        "why": waiting(waiting_line) if waiting_line else None,
    }
