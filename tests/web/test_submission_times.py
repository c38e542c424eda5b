"""The filter by time of submission, without a request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.web.jobs.times import CHOICES, read

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


def fields(time="", after="", before=""):
    return {"time": time, "after": after, "before": before}


@pytest.mark.parametrize(
    ("choice", "after"),
    [
        ("1h", NOW - timedelta(hours=1)),
        ("today", datetime(2026, 11, 24, 16, 0, tzinfo=UTC)),
        ("7d", NOW - timedelta(days=7)),
        ("between", None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_lengths_of_time(choice, after):
    between = read(fields(choice), NOW)
    assert (between.after, between.before) == (after, None)
    assert between.shown["time"] == (choice if choice in CHOICES else "")


def test_from_and_to_are_in_the_readers_zone_unless_they_say_otherwise():
    between = read(fields("", "2026-11-24T08:00", "2026-11-24T08:00+00:00"), NOW)
    assert between.after == datetime(2026, 11, 24, tzinfo=UTC)
    assert between.before == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert between.shown == fields("between", "2026-11-24T08:00", "2026-11-24T08:00+00:00")


@pytest.mark.parametrize("text", ["", "soon", "0001-01-01", "9999-12-31T23:59", "2026-13-01"])
def test_what_is_no_time_narrows_nothing(text):
    between = read(fields("between", text, text), NOW)
    assert (between.after, between.before) == (None, None)
    assert between.shown == fields("between")
