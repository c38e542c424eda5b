"""The pages without a mouse: what has the focus is seen, layers keep it and give it back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from scenes import DESK, PHONE, SCENES

SEEN = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return '';
  const near = [node, node.parentElement, node.nextElementSibling,
    node.closest('.tile, .ta, .stepper, .chips')].filter(Boolean);
  const looks = () => near.map(one => {
    const style = getComputedStyle(one);
    return [style.boxShadow, style.outlineStyle, style.top].join();
  });
  const focused = looks();
  node.blur();  // Tab goes on from here all the same
  const differs = looks().some((look, number) => look !== focused[number]);
  return differs ? '' : node.outerHTML.slice(0, 160);
}"""
INSIDE = "() => !!document.activeElement.closest('dialog[open]')"
MOST_STOPS = 60


@pytest.mark.parametrize("name", ["login", "home", "submit-clone", "jobs", "cluster-node", "vc"])
def test_what_has_the_focus_is_seen(visitor, name):
    hidden = []
    with visitor.at(SCENES[name], DESK) as (page, _):
        page.evaluate("document.activeElement.blur()")
        for _stop in range(MOST_STOPS):
            page.keyboard.press("Tab")
            hidden.append(page.evaluate(SEEN))
    assert [one for one in hidden if one] == []


def walk_round(page: Page, times: int = 12) -> bool:
    """Press Tab so often; whether the focus never left the open dialog for the page."""
    for _ in range(times):
        page.keyboard.press("Tab")
        if not page.evaluate(INSIDE) and not page.evaluate(
            "document.activeElement === document.body"
        ):
            return False
    return True


@pytest.mark.parametrize(
    ("name", "opener"),
    [
        ("job-brief", "[data-confirm=kill-dialog]:visible"),
        ("vc", "a[href$='/add']:visible"),
        ("submit", "#save-template"),
    ],
)
def test_a_dialog_keeps_the_focus_and_gives_it_back(visitor, name, opener):
    with visitor.at(SCENES[name], DESK) as (page, _):
        button = page.locator(opener).first
        button.focus()
        page.keyboard.press("Enter")
        opened = page.locator("dialog[open]")
        expect(opened).to_be_visible()
        assert page.evaluate(INSIDE)
        assert walk_round(page)
        page.keyboard.press("Escape")
        expect(opened).to_have_count(0)
        expect(button).to_be_focused()


def test_a_destructive_dialog_begins_on_cancel(visitor):
    with visitor.at(SCENES["job-kill"], DESK) as (page, _):
        expect(page.locator("dialog[open]").get_by_role("button", name="Cancel")).to_be_focused()


def test_the_drawer_keeps_the_focus_and_gives_it_back(visitor):
    with visitor.at(SCENES["home"], PHONE) as (page, _):
        switch = page.locator(".topbar [data-side-switch]")
        expect(switch).to_have_attribute("aria-expanded", "false")
        switch.focus()
        page.keyboard.press("Enter")
        expect(switch).to_have_attribute("aria-expanded", "true")
        for _stop in range(20):
            page.keyboard.press("Tab")
            assert not page.evaluate("!!document.activeElement.closest('.main, .topbar, .fabbar')")
        page.keyboard.press("Escape")
        expect(page.get_by_role("navigation", name="Main menu")).to_be_hidden()
        expect(switch).to_be_focused()


def test_filters_of_a_phone_are_behind_a_button(visitor):
    with visitor.at(SCENES["jobs"], PHONE) as (page, _):
        status = page.get_by_role("combobox", name="Status", exact=True)
        expect(status).to_be_hidden()
        page.get_by_role("button", name="Filters").click()
        expect(status).to_be_visible()


def test_nothing_moves_for_who_wants_no_motion(visitor):
    """The profiles of these tests ask for reduced motion; without it the icons turn."""
    running = "document.getAnimations().length"
    with visitor.at(SCENES["jobs"], DESK) as (page, _):
        assert page.evaluate(running) == 0
        page.emulate_media(reduced_motion="no-preference")
        assert page.evaluate(running) > 0
