"""The list's filters, order and page, as its address has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from portal.domain.job_state import ACTIVE, JobState
from portal.services.jobs.listing import GROUPS as LIST_GROUPS
from portal.services.jobs.listing import SORTS, JobQuery
from portal.web.jobs import times as submission_times

LIMITS = (15, 30, 60, 100)
DEFAULT_SORT = "-submitted"
_S = JobState
GROUPS: dict[str, tuple[JobState, ...]] = {
    "active": ACTIVE,
    **LIST_GROUPS,
    "finished": (_S.FINISHED,),
    "failed": (_S.FAILED, _S.ERROR),
    "killed": (_S.KILLED,),
}
"""What the status filter offers, each a set of states; single states work too."""
MINE = ("active", "running", "waiting", "paused", "finished", "failed", "killed")
EVERYONE = ("running", "waiting", "paused")
CHIPS = ("active", "finished", "failed")
"""Groups of MY JOBS that are one click away, beside all of them."""
PREEMPTIBLE = {"yes": True, "no": False}
FILTERS = (
    *("q", "status", "device_type", "kind", "user", "preemptible"),
    *("time", "after", "before"),
)


@dataclass(frozen=True, slots=True)
class ListAddress:
    """The address of a list, and the addresses one click away from it."""

    path: str
    everyone: bool
    vc: str | None
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = DEFAULT_SORT
    number: int = 1
    limit: int = LIMITS[0]
    between: submission_times.Between = submission_times.ANY

    @classmethod
    def read(
        cls,
        path: str,
        everyone: bool,
        vc: str | None,
        args: MultiDict[str, str],
        now: datetime,
    ) -> Any:
        """What ``args`` say; what makes no sense is as if it were not there.

        ``now`` is in the reader's zone, which times without one are of.
        """
        filters = {name: args.get(name, "").strip()[:256] for name in FILTERS}
        if filters["status"] and not _states(filters["status"]):
            filters["status"] = ""
        if filters["preemptible"] not in ("", "yes", "no"):
            filters["preemptible"] = ""
        between = submission_times.read(filters, now)
        filters.update(between.shown)
        sort = args.get("sort", DEFAULT_SORT)
        limit, number = args.get("limit", ""), args.get("page", "")
        return cls(
            path=path,
            everyone=everyone,
            vc=vc,
            filters=filters,
            sort=sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
            number=max(int(number), 1) if number.isdecimal() and len(number) < 7 else 1,
            limit=int(limit) if limit.isdecimal() and int(limit) in LIMITS else LIMITS[0],
            between=between,
        )

    @property
    def query(self) -> JobQuery:
        """What the service is asked for."""
        return JobQuery(
            scope="all" if self.everyone else "mine",
            vc=self.vc,
            statuses=tuple(_states(self.filters["status"])),
            kind=self.filters["kind"] or None,
            device_type=self.filters["device_type"] or None,
            user=self.filters["user"] or None,
            preemptible=PREEMPTIBLE.get(self.filters["preemptible"]),
            q=self.filters["q"],
            submitted_after=self.between.after,
            submitted_before=self.between.before,
            sort=self.sort,
            grouped=self.everyone,
            limit=self.limit,
            offset=(self.number - 1) * self.limit,
        )

    @property
    def filtered(self) -> bool:
        """Whether anything narrows the list."""
        return any(self.filters.values())

    @property
    def sort_key(self) -> str:
        """The column the list is ordered by."""
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the largest is first."""
        return self.sort.startswith("-")

    def url(self, **changes: Any) -> str:
        """The address with some things changed; defaults are left out."""
        values = {
            **self.filters,
            "sort": "" if self.sort == DEFAULT_SORT else self.sort,
            "limit": "" if self.limit == LIMITS[0] else str(self.limit),
            "page": "" if self.number == 1 else str(self.number),
            **{name: str(value) for name, value in changes.items()},
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{self.path}?{query}" if query else self.path

    def export(self, path: str) -> str:
        """Another address with the same filters."""
        filters = urlencode({name: value for name, value in self.filters.items() if value})
        joint = "&" if "?" in path else "?"
        return f"{path}{joint}{filters}" if filters else path

    def sorted_by(self, key: str) -> str:
        """The list ordered by a column; again turns the order around."""
        turned = key if self.sort == f"-{key}" else f"-{key}"
        return self.url(sort="" if turned == DEFAULT_SORT else turned, page="")

    def without(self, name: str) -> str:
        """The list without one filter."""
        names = ("time", "after", "before") if name == "time" else (name,)
        return self.url(**dict.fromkeys((*names, "page"), ""))

    @property
    def chip(self) -> str:
        """The chip that is on, where one is."""
        status = self.filters["status"]
        return status if status in CHIPS and not self.everyone else ""

    @property
    def narrowed(self) -> bool:
        """Whether anything but the status narrows the list."""
        return any(value for name, value in self.filters.items() if name != "status")

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a form that changes only the rows per page sends along."""
        values = {**self.filters, "sort": "" if self.sort == DEFAULT_SORT else self.sort}
        return [(name, value) for name, value in values.items() if value]


def _states(name: str) -> tuple[str, ...]:
    if name in GROUPS:
        return tuple(state.value for state in GROUPS[name])
    return (name,) if name in tuple(JobState) else ()


def chip_sizes(by_state: Mapping[str, int]) -> dict[str, int]:
    """Number of jobs behind each chip; ``all`` is every state."""
    found = {name: sum(by_state.get(state.value, 0) for state in GROUPS[name]) for name in CHIPS}
    return {"all": sum(by_state.values()), **found}
