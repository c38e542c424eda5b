"""Sums over time, held against counting every allocation by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.usage import HOUR_MS, Change, Span, averages, device_hours, idle_percent

SPAN = Span(end_ms=10_000, step_ms=1_000, steps=6)
MOMENTS = st.integers(0, 10_000)
HOLDS = st.lists(
    st.tuples(MOMENTS, st.one_of(st.none(), MOMENTS), st.integers(1, 16)).filter(
        lambda hold: hold[1] is None or hold[0] <= hold[1]
    )
)


def changes_of(holds):
    """As the database gathers them: one line per moment."""
    for begun, ended, devices in holds:
        for at, sign in ((begun, 1), (ended, -1)):
            if at is not None and SPAN.start_ms <= at < SPAN.end_ms:
                after = at - SPAN.start_ms
                yield Change(after // SPAN.step_ms, sign * devices, sign * devices * after)


def held_in(holds, start, end):
    """Device-milliseconds between two moments, one by one."""
    return sum(
        devices * max(0, min(ended if ended is not None else end, end) - max(begun, start))
        for begun, ended, devices in holds
    )


@given(HOLDS)
def test_averages_are_what_counting_one_by_one_gives(holds):
    open_now = sum(
        devices
        for begun, ended, devices in holds
        if begun < SPAN.end_ms and (ended is None or ended >= SPAN.end_ms)
    )
    found = averages(open_now, changes_of(holds), SPAN)
    for start, average in zip(SPAN.starts_ms, found, strict=True):
        assert average * SPAN.step_ms == pytest.approx(
            held_in(holds, start, start + SPAN.step_ms), abs=1e-6
        )
    device_ms = sum(change.device_ms for change in changes_of(holds))
    assert device_hours(open_now, device_ms, SPAN) * HOUR_MS == pytest.approx(
        held_in(holds, SPAN.start_ms, SPAN.end_ms), abs=1e-3
    )


def test_a_span_ends_where_it_is_told():
    assert SPAN.start_ms == 4_000
    assert SPAN.starts_ms == [4_000, 5_000, 6_000, 7_000, 8_000, 9_000]


@pytest.mark.parametrize(
    ("booked", "idle", "percent"), [(10, 2.5, 25), (10, None, None), (0, 0, None)]
)
def test_idle_is_a_share_of_what_was_booked(booked, idle, percent):
    assert idle_percent(booked, idle) == percent
