"""The frame: keyboard, theme, side bar, phone layout, and pages without a live stream."""

from __future__ import annotations

import re

import pytest
from chromium import Held
from playwright.sync_api import expect

from portal.http import streams as sse
from portal.testing import eventually

PHONE = {"width": 390, "height": 844}


def test_keys_go_places(signed_in, site):
    page = signed_in
    site.house.submit("alice", vc="platform")
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.wait_for_url("**/jobs/")
    page.keyboard.press("/")
    expect(page.locator("[data-table-search]")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page.get_by_role("heading", name="Recent jobs")).to_be_visible()


def test_keys_are_letters_while_one_types(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.get_by_label("Job name").fill("")
    page.get_by_label("Job name").press_sequentially("ghtj[?")
    expect(page.get_by_label("Job name")).to_have_value("ghtj[?")
    assert page.url.endswith("/submit/")


def test_the_theme_and_the_side_bar_are_remembered(signed_in):
    page = signed_in
    page.keyboard.press("[")
    for _ in range(3):
        if page.locator("html").get_attribute("data-choice") != "dark":
            page.keyboard.press("t")
    html = page.locator("html")
    expect(html).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(html).to_have_attribute("data-theme", "dark")
    expect(html).to_have_attribute("data-side", "collapsed")


def test_the_systems_theme_is_followed(signed_in):
    page = signed_in
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_first_tab_stop_skips_to_the_content(signed_in):
    page = signed_in
    page.goto("/jobs/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_news_that_are_refused_while_one_logs_out_change_nothing(alice, say):
    page = alice
    page.goto("/")
    page.route("**/home/cards", lambda route: route.fulfill(status=401))
    held = Held(page, "**/logout/**")
    with page.expect_response("**/home/cards"), page.expect_request("**/logout/**"):
        page.evaluate("""() => {
            document.querySelector('form[action*=logout]').requestSubmit();
            document.body.dispatchEvent(new CustomEvent('aoli:refresh', {bubbles: true}));
        }""")
    held.next().continue_()
    expect(page.get_by_text(say("You are signed out."))).to_be_visible()


def test_logging_out_and_in_again(alice, say):
    page = alice
    page.goto("/")
    page.locator(".topbar").get_by_role("button", name=say("Log out")).last.click()
    expect(page.get_by_text(say("You are signed out."))).to_be_visible()
    say.only(page)
    page.goto("/jobs/")
    expect(page).to_have_url(re.compile(r"/login/\?next=/jobs/"))


@pytest.mark.parametrize("path", ["/", "/submit/", "/jobs/"])
def test_a_phone_shows_no_more_than_its_width(signed_in, path):
    page = signed_in
    page.set_viewport_size(PHONE)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_menu_is_a_drawer_on_a_phone(alice, say):
    page = alice
    page.goto("/")
    page.set_viewport_size(PHONE)
    menu = page.get_by_role("navigation", name=say("Main menu"))
    expect(menu).to_be_hidden()
    page.get_by_role("button", name=say("Show or hide the menu")).click()
    menu.get_by_role("link", name=say("View and Manage Jobs")).click()
    page.wait_for_url("**/jobs/")
    say.only(page)
    expect(page.locator(".fabbar").get_by_role("link", name=say("Submit job"))).to_be_visible()


def test_the_palette_finds_jobs_and_pages(alice, site, say):
    page, house = alice, site.house
    found = house.submit("alice", name="horovod_16", vc="platform")
    house.submit("bob", name="horovod_of_bob", vc="platform")
    page.goto("/")
    field = page.get_by_role("combobox", name=say("Search jobs, nodes, pages"))
    page.keyboard.press("/")
    expect(field).to_be_focused()
    palette = page.get_by_role("listbox", name=say("Search"), exact=True)
    expect(palette.get_by_role("option", name=say("View and Manage Jobs"))).to_be_visible()
    field.fill("horovod")
    expect(palette.get_by_role("option")).to_have_count(1)
    expect(palette.get_by_role("option")).to_contain_text("horovod_16")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    page.keyboard.press("/")
    field.fill(found[:6])
    expect(palette.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{found}")
    field.fill({"en": "virtual", "zh": "虚拟"}[say.language])
    expect(palette.get_by_role("option")).to_have_text([say("Virtual Cluster")])
    page.keyboard.press("Enter")
    page.wait_for_url("**/virtual-clusters/")


def test_a_server_that_goes_away_and_comes_back(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.submit("alice", vc="platform")
    page.goto("/jobs/")
    badge = page.locator("[data-live-badge] [data-word]")
    expect(badge).to_have_text("Live")
    site.kill()
    expect(badge).to_have_text(re.compile(r"^Paused, retry in \d+ s$"))
    row = page.locator(f"#job-{job_id} .st")
    expect(row).to_contain_text("Queued")
    house.work()
    site.begin()
    page.keyboard.press("r")
    expect(row).to_have_text("Scheduling")
    expect(badge).to_have_text("Live")


def test_how_old_the_page_is_counts_up_for_the_eye_only(signed_in):
    page = signed_in
    page.goto("/jobs/")
    age = page.locator("[data-live-badge] [data-age]")
    expect(age).to_have_text(", updated 0 s ago")
    expect(age).to_have_text(re.compile(r"^, updated [1-9]\d* s ago$"))
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert age.get_attribute("aria-hidden") == "true"
    assert page.locator("[aria-live] [data-age], [role=status] [data-age]").count() == 0
    page.set_viewport_size({"width": 390, "height": 844})
    expect(age).to_be_hidden()


def test_a_hidden_tab_is_silent_and_catches_up(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.submit("alice", vc="platform")
    page.goto("/jobs/")
    expect(page.locator("[data-live-badge] [data-word]")).to_have_text("Live")
    hide(page, hidden=True)
    eventually(lambda: site.app.extensions["aoli-streams"].open == 0)
    house.work()
    row = page.locator(f"#job-{job_id} .st")
    expect(row).to_contain_text("Queued")
    hide(page, hidden=False)
    expect(row).to_have_text("Scheduling")


def hide(page, *, hidden):
    """What the browser tells a tab that comes into view or leaves it."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def test_without_a_stream_the_page_polls(signed_in, site):
    site.app.extensions["aoli-streams"] = sse.StreamGate(0)
    page, house = signed_in, site.house
    page.goto("/jobs/")
    expect(page.locator("[data-live-badge] [data-word]")).to_have_text("Checking every 5 s")
    house.submit("alice", vc="platform")
    page.goto("/jobs/")
    row = page.locator("tr[data-job]")
    expect(row.locator(".st")).to_contain_text("Queued")
    house.work()
    expect(row.locator(".st")).to_have_text("Scheduling")


def test_times_are_in_the_zone_of_the_browser(signed_in, site):
    job_id = site.house.submit("alice")
    page = signed_in
    page.goto(f"/jobs/{job_id}")
    shown = page.locator("time").first
    assert shown.get_attribute("datetime").endswith("+08:00"), "the browser is in Asia/Shanghai"
