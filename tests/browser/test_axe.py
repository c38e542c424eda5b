"""axe-core finds nothing serious: every page and dialog, both themes, at a desk and on a phone.

axe-core comes with the package ``axe-playwright-python`` (MPL-2.0, for tests only).
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page
from scenes import SCENES, THEMES, WIDTHS

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
COLOURS = ("color-contrast", "link-in-text-block")
"""All that the theme changes: other rules need not run twice."""
SERIOUS = ("serious", "critical")


def violations(page: Page, *rules: str) -> list[str]:
    """What axe-core finds on the page as it is, of the ``rules`` or of all."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['impact']} {one['id']}: {node['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("name", SCENES)
def test_nothing_serious(visitor, name):
    scene = SCENES[name]
    found = []
    with visitor.at(scene, scene.widths[0]) as (page, complaints):
        page.evaluate(AXE)
        for width in scene.widths:
            page.set_viewport_size({"width": width, "height": WIDTHS[width]})
            for theme in THEMES:
                page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
                rules = COLOURS if theme != THEMES[0] else ()
                found += [f"{width} {theme}: {one}" for one in violations(page, *rules)]
        assert complaints == []
    assert found == []


def test_axe_would_find_something(visitor):
    with visitor.at(SCENES["login"], 1440) as (page, _):
        page.evaluate(AXE)
        page.evaluate("document.querySelector('h1').style.color = '#ccc'")
        page.evaluate("document.querySelector('[data-reveal]').removeAttribute('aria-label')")
        kinds = {one.split(":")[0] for one in violations(page)}
    assert {"serious color-contrast", "critical button-name"} <= kinds
