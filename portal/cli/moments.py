"""Times as people give them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

AGE = re.compile(r"([0-9]{1,6})\s*([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_moment(text: str, now: datetime) -> datetime:
    """``2026-11-23``, ``2026-11-23T09:12`` (of ``now``'s zone), or an age such as ``24h``.

    Raises ``ValueError``.
    """
    age = AGE.fullmatch(text.strip())
    if age is not None:
        return now - timedelta(**{UNITS[age[2]]: int(age[1])})
    at = datetime.fromisoformat(text.strip())
    return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)


class Moment(click.ParamType[str]):
    """A time, as RFC 3339 in UTC."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """See :func:`read_moment`."""
        try:
            at = read_moment(str(value), datetime.now().astimezone())
            return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        except (ValueError, OverflowError):
            self.fail(f"{value} is no time such as 2026-11-23T09:12 or 24h", param, ctx)


MOMENT = Moment()
