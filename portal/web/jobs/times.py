"""The list's filter by time of submission: a length of time before now, or from one to another.

In the address it is ``time=24h``, or ``after=2026-11-22T09:00&before=…`` in the reader's zone
(a time with an offset of its own is taken as it is).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

PRESETS = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
TODAY, OWN = "today", "between"
CHOICES = ("1h", TODAY, "24h", "7d", "30d", OWN)
FIRST_YEAR, LAST_YEAR = 1970, 9998


@dataclass(frozen=True, slots=True)
class Between:
    """Submitted from ``after`` on and before ``before``; ``shown`` is what the fields show."""

    after: datetime | None = None
    before: datetime | None = None
    shown: Mapping[str, str] = field(
        default_factory=lambda: {"time": "", "after": "", "before": ""}
    )


ANY = Between()


def read(filters: Mapping[str, str], now: datetime) -> Between:
    """What the three fields say; what is no time counts as if it were not there.

    ``now`` has the reader's zone.
    """
    choice = filters["time"]
    if choice in PRESETS:
        return Between(now - PRESETS[choice], None, _shown(choice))
    if choice == TODAY:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return Between(midnight, None, _shown(choice))
    after, before = (_moment(filters[name], now) for name in ("after", "before"))
    texts = (filters["after"] if after else "", filters["before"] if before else "")
    return Between(after, before, _shown(OWN if choice == OWN or any(texts) else "", *texts))


def _shown(choice: str, after: str = "", before: str = "") -> dict[str, str]:
    return {"time": choice, "after": after, "before": before}


def _moment(text: str, now: datetime) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        return None
    return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
