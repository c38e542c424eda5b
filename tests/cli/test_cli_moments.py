"""Times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from portal.cli.moments import read_moment

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90m", datetime(2026, 11, 25, 0, 0, tzinfo=UTC)),
        ("7 d", datetime(2026, 11, 18, 1, 30, tzinfo=UTC)),
        ("2026-11-25", datetime(2026, 11, 24, 16, 0, tzinfo=UTC)),
        ("2026-11-25T09:12", datetime(2026, 11, 25, 1, 12, tzinfo=UTC)),
        ("2026-11-25T09:12:04Z", datetime(2026, 11, 25, 9, 12, 4, tzinfo=UTC)),
    ],
)
def test_times(text: str, at: datetime) -> None:
    assert read_moment(text, NOW) == at


@pytest.mark.parametrize("text", ["", "soon", "24 hours", "2026-13-01", "-3h"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"Invalid isoformat|month must be"):
        read_moment(text, NOW)
