"""Time zones: which there are to choose from, and what one is called."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

REGIONS = frozenset(
    ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)
"""Zones are named after a city there; the other names are aliases of theirs."""


def offset_text(offset: timedelta | None) -> str:
    """``UTC``, ``UTC+8``, ``UTC-3:30``."""
    minutes = round((offset or timedelta()).total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "-"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def offset_of(zone: tzinfo, at: datetime) -> str:
    """How far the zone is from UTC at a moment."""
    return offset_text(at.astimezone(zone).utcoffset())


@lru_cache(maxsize=2)
def choices(day: date) -> tuple[tuple[str, str], ...]:
    """All zones by their offset on that day, from west to east: name, and ``UTC+8, Shanghai``."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    names = [name for name in available_timezones() if name.partition("/")[0] in REGIONS]
    offsets = {name: at.astimezone(ZoneInfo(name)).utcoffset() or timedelta() for name in names}
    cities = sorted(names, key=lambda name: (offsets[name], _city(name)))
    named = [(name, f"{offset_text(offsets[name])}, {_city(name)}") for name in cities]
    return (("UTC", "UTC"), *named)


def _city(name: str) -> str:
    return name.rpartition("/")[2].replace("_", " ")
