"""Numbers and times as the design's section 8 writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import Babel

from portal.web.base import appearance, formats

NOW = datetime(2026, 11, 23, 6, 32, 8, tzinfo=UTC)  # 14:32:08 in Shanghai


@pytest.fixture
def reader(monkeypatch):
    monkeypatch.setattr(formats, "now", lambda: NOW)
    app = Flask(__name__)
    folder = str(formats.__file__).replace("base/formats.py", "translations")
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = folder
    Babel(app, locale_selector=appearance.language)

    def read(language="en", zone="Asia/Shanghai"):
        return app.test_request_context(headers={"Cookie": f"language={language}; zone={zone}"})

    return read


def ago(**parts):
    return NOW - timedelta(**parts)


@pytest.mark.parametrize(
    ("at", "english", "chinese"),
    [
        (ago(hours=5, minutes=20), "09:12", "09:12"),
        (ago(days=1), "Nov 22, 14:32", "11月22日 14:32"),
        (ago(days=365), "Nov 23, 2025, 14:32", "2025年11月23日 14:32"),
        (None, "—", "—"),
    ],
)
def test_times_in_tables(reader, at, english, chinese):
    with reader():
        assert formats.clock(at) == english
    with reader("zh"):
        assert formats.clock(at) == chinese


@pytest.mark.parametrize(
    ("at", "english", "chinese"),
    [
        (ago(seconds=20), "just now", "刚刚"),
        (ago(minutes=27), "27 min ago", "27 分钟前"),
        (ago(hours=5), "5 h ago", "5 小时前"),
        (ago(hours=20), "yesterday", "昨天"),
        (ago(days=3), "3 days ago", "3 天前"),
        (ago(days=9), "Nov 14", "11月14日"),
    ],
)
def test_relative_times(reader, at, english, chinese):
    with reader():
        assert formats.ago(at) == english
    with reader("zh"):
        assert formats.ago(at) == chinese


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "0 s", "0 秒"),
        (18, "18 s", "18 秒"),
        (191, "3 min 11 s", "3 分钟 11 秒"),
        (5 * 3600 + 17 * 60 + 3, "5 h 17 min", "5 小时 17 分钟"),
        (2 * 86400 + 4 * 3600, "2 d 4 h", "2 天 4 小时"),
        (86400 + 5, "1 d", "1 天"),
        (None, "—", "—"),
    ],
)
def test_durations_have_two_units(reader, seconds, english, chinese):
    with reader():
        assert formats.duration(seconds) == english
    with reader("zh"):
        assert formats.duration(seconds) == chinese


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (18.4 * 1024**4, "18.4 TiB"),
        (540 * 1024**2, "540 MiB"),
        (7.125 * 1024**3, "7.12 GiB"),
    ],
)
def test_bytes(size, text):
    assert formats.amount(size) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (18.4 * 1024**4, 30 * 1024**4, "18.4 / 30 TiB"),
        (540 * 1024**2, 30 * 1024**4, "540 MiB / 30 TiB"),
        (0, 1024, "0 B / 1 KiB"),
    ],
)
def test_bytes_of_a_whole_share_their_unit(part, whole, text):
    assert formats.amount_of(part, whole) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0, 0, "0%"),
        (0.004, 0, "0%"),
        (0.426, 0, "43%"),
        (1, 0, "100%"),
        (12.5, 0, "1,250%"),
        (0.425, 1, "42.5%"),
        (0, 1, "0.0%"),
        (1, 1, "100.0%"),
    ],
)
def test_shares(reader, share, digits, text):
    for language in ("en", "zh"):
        with reader(language):
            assert formats.percent(share, digits) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [("1408.6", "1,408.6"), ("12.0", "12.0"), ("0.00", "0.00"), ("-0.5", "-0.5"), ("7", "7")],
)
def test_numbers_that_are_written_already(reader, written, text):
    for language in ("en", "zh"):
        with reader(language):
            assert formats.decimal(written) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (4902, "4,902"), (1000000, "1,000,000")])
def test_counts_are_grouped(reader, number, text):
    for language in ("en", "zh"):
        with reader(language):
            assert formats.count_of(number) == text


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_has_its_short_name(reader, month):
    at = datetime(2024, month, 5, 1, 2, tzinfo=UTC)
    english = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
        month - 1
    ]
    with reader(zone="UTC"):
        assert formats.clock(at) == f"{english} 5, 2024, 01:02"
    with reader("zh", zone="UTC"):
        assert formats.clock(at) == f"2024年{month}月5日 01:02"


def test_an_hour_that_comes_twice_is_shown_as_the_clock_does(reader):
    with reader(zone="America/New_York"):
        for at in (datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6)):
            assert formats.clock(at) == "Nov 1, 01:30"


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_places(reader, number, text):
    with reader():
        assert formats.ordinal(number) == text
    with reader("zh"):
        assert formats.ordinal(number) == str(number)


def test_the_exact_time_has_the_readers_offset(reader):
    with reader():
        assert formats.iso(ago(seconds=0)) == "2026-11-23T14:32:08+08:00"
        assert formats.iso("2026-11-23T06:32:08.5Z") == "2026-11-23T14:32:08+08:00"
    with reader(zone="No/Such"):
        assert formats.iso(NOW) == "2026-11-23T06:32:08+00:00"


def test_the_zone_comes_as_the_script_writes_it(reader):
    with reader(zone="Asia%2FShanghai"):
        assert str(appearance.zone()) == "Asia/Shanghai"


@pytest.mark.parametrize("zone", ["../../etc/passwd", "x" * 100, ""])
def test_a_zone_that_is_none_is_utc(reader, zone):
    with reader(zone=zone):
        assert formats.clock_seconds(NOW) == "06:32:08"
