"""What holds for every page: no wider than a phone, nothing jumps, nothing complains."""

from __future__ import annotations

import pytest
from scenes import DESK, PHONE, SCENES, WIDTHS
from screenshots import WIDER

SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver(list => list.getEntries().forEach(entry => {
    if (!entry.hadRecentInput) window.shifts.push(entry);
  })).observe({ type: 'layout-shift', buffered: true });
}"""
SHIFTED = """() => ({
  score: window.shifts.reduce((sum, entry) => sum + entry.value, 0),
  nodes: window.shifts.flatMap(entry => entry.sources.map(source => source.node))
    .filter(node => node && node.nodeType === 1)
    .map(node => node.tagName + '.' + node.className).slice(0, 8),
})"""
MOST_SHIFT = 0.01
"""Of the cumulative layout shift; 0.1 is what is commonly called good."""


@pytest.mark.parametrize("name", [name for name, one in SCENES.items() if PHONE in one.widths])
def test_a_phone_shows_no_more_than_its_width(visitor, name):
    with visitor.at(SCENES[name], PHONE, language="zh") as (page, complaints):
        assert page.evaluate(WIDER) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        assert complaints == []


@pytest.mark.parametrize("name", [name for name, one in SCENES.items() if DESK in one.widths])
def test_twice_as_large_loses_nothing(visitor, name):
    """200 % zoom of a desk is half its width."""
    with visitor.at(SCENES[name], DESK) as (page, _):
        page.set_viewport_size({"width": DESK // 2, "height": WIDTHS[DESK] // 2})
        assert page.evaluate(WIDER) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= DESK // 2
