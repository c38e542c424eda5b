"""Panels that wait and fail alone; what is chosen in the preferences."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from chromium import Held
from playwright.sync_api import Page, Route, expect

PREVIEW, LINES, USAGE = "**/submit/preview", "**/lines?*", "**/cluster/usage?*"


def cut(route: Route) -> None:
    """Nothing answers."""
    route.abort()


def stand_still(page: Page) -> None:
    """The page's own timers rest: it asks again when it is told to, never by itself."""
    page.clock.install(time=datetime(2026, 11, 23, 14, 30, tzinfo=UTC))
    page.clock.pause_at(datetime(2026, 11, 23, 14, 32, tzinfo=UTC))


def test_the_first_preview_is_waited_for_and_its_failure_stops_nothing(signed_in):
    page = signed_in
    waiting = Held(page, PREVIEW)
    page.goto("/submit/")
    panel = page.locator("#panel")
    expect(panel.locator(".skel").first).to_be_visible()
    expect(panel).to_have_attribute("aria-busy", "true")
    expect(panel.get_by_role("status")).to_have_text("Loading")
    waiting.next().abort()
    expect(panel.locator(".fail h2")).to_have_text("The preview could not be made")
    expect(page.locator("#submit-job")).to_be_enabled()
    page.unroute(PREVIEW)
    panel.get_by_role("button", name="Try again").click()
    expect(panel).to_contain_text("Still to fill in")


def test_a_wait_is_silent_at_first_and_says_when_it_is_long(signed_in):
    page = signed_in
    stand_still(page)
    page.route(PREVIEW, lambda route: None)
    page.goto("/submit/")
    panel = page.locator("#panel")
    expect(panel).to_have_attribute("aria-busy", "true")
    page.clock.run_for(150)
    expect(panel.locator(".skel")).to_have_count(0)
    page.clock.run_for(100)
    expect(panel.locator(".skel").first).to_be_visible()
    expect(panel.get_by_role("status")).to_have_text("Loading")
    page.clock.run_for(6000)
    expect(panel.locator("[aria-hidden=true]").last).to_have_text(
        "Loading takes longer than usual, 6 s"
    )
    page.unroute_all(behavior="ignoreErrors")


def test_later_previews_dim_what_stands_there(signed_in):
    page = signed_in
    page.goto("/submit/")
    panel = page.locator("#panel")
    expect(panel).to_contain_text("Still to fill in")
    waiting = Held(page, PREVIEW)
    page.get_by_label("Job name").fill("typed")
    expect(panel).to_have_class(re.compile("stale"))
    expect(panel).to_contain_text("Still to fill in")
    waiting.next().continue_()
    expect(panel).not_to_have_class(re.compile("stale"))


def test_a_button_at_work_says_what_it_does(signed_in):
    page = signed_in
    page.goto("/submit/")
    page.get_by_label("Job name").fill("slow")
    page.get_by_label("Docker image").fill("img:1")
    page.locator("#f-command").fill("true")
    waiting = Held(page, "**/submit/")
    button = page.locator("#submit-job")
    button.click()
    expect(button).to_have_text("Submitting")
    expect(button).to_have_attribute("aria-busy", "true")
    waiting.next().abort()
    expect(button).to_have_text("Submit job")
    expect(page.locator(".toast.dng")).to_be_visible()


def test_another_range_waits_fails_and_comes_without_the_page(enter, site):
    page = enter("root")
    stand_still(page)
    page.goto("/cluster/usage")
    expect(page.locator("[data-chart=held] canvas")).to_be_visible()
    page.locator("h1").evaluate("node => { node.dataset.same = '1'; }")
    page.route(USAGE, cut)
    page.locator("[data-key='range-24h']").click()
    panel = page.locator("#usage-panel")
    expect(panel.locator(".fail h2")).to_have_text("The usage could not be loaded")
    expect(page).to_have_url(re.compile("range=24h"))
    expect(page.locator("[data-key='range-24h']")).to_have_attribute("aria-current", "true")
    page.unroute(USAGE)
    panel.get_by_role("button", name="Try again").click()
    page.clock.resume()
    expect(page.locator("[data-chart=held] canvas")).to_be_visible()
    expect(page.locator("main")).to_contain_text("5 min average, UTC+8")
    page.go_back()
    expect(page.locator("main")).to_contain_text("30 min average, UTC+8")
    expect(page.locator("[data-key='range-7d']")).to_have_attribute("aria-current", "true")
    expect(page.locator("h1")).to_have_attribute("data-same", "1")


def test_a_console_that_cannot_be_read_keeps_the_rest_of_the_page(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.run("alice", name="talks", vc="platform")
    house.write_log(job_id, "hello")
    page.route(LINES, cut)
    stand_still(page)
    page.goto(f"/jobs/{job_id}/console")
    panel = page.locator("#console-panel")
    expect(panel.locator(".fail h2")).to_have_text("The output could not be read")
    expect(page.locator("#job-head .st")).to_have_text("Running")
    page.unroute(LINES)
    panel.get_by_role("button", name="Try again").click()
    page.clock.resume()
    expect(page.locator("#lines .x")).to_have_text(["hello"])
    expect(panel).to_be_hidden()


def test_a_search_without_an_answer_says_so(signed_in):
    page = signed_in
    waiting = Held(page, "**/search/?*")
    page.keyboard.press("/")
    palette = page.locator("#palette")
    expect(palette).to_have_text("Searching")
    waiting.next().abort()
    expect(palette).to_contain_text("Search does not answer.")


def test_lines_carry_their_rank_where_there_are_several(signed_in, site):
    page, house = signed_in, site.house
    fields = {"kind": "distributed", "nodes": 2, "devices": 4, "device_type": "huawei_npu_arm64"}
    job_id = house.run("alice", name="pair", vc="platform", **fields)
    house.write_log(job_id, "from the first", replica="worker-0")
    house.write_log(job_id, "from the second", replica="worker-1")
    page.goto(f"/jobs/{job_id}/console")
    expect(page.locator("#lines .p")).to_have_text(["rank0"])
    page.get_by_label("Replica").select_option(value="worker-1")
    expect(page.locator("#lines .x")).to_have_text(["from the second"])
    expect(page.locator("#lines .p")).to_have_text(["rank1"])
    house.write_log(job_id, "and more", replica="worker-1")
    expect(page.locator("#lines .p")).to_have_text(["rank1", "rank1"])


def test_single_keys_are_switched_off_and_the_others_stay(signed_in, site):
    page = signed_in
    site.house.submit("alice", vc="platform")
    page.goto("/account/")
    page.get_by_role("switch", name="Shortcuts of a single key").click()
    switch = page.get_by_role("switch", name="Shortcuts of a single key")
    expect(switch).to_have_attribute("aria-checked", "false")
    page.goto("/jobs/")
    page.keyboard.press("?")
    page.keyboard.press("/")
    expect(page.locator("[data-table-search]")).not_to_be_focused()
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.locator(".foot [data-open-dialog]").click()
    expect(page.locator("#shortcuts")).to_contain_text("Single keys are switched off.")
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()


def test_the_zone_that_is_chosen_is_everywhere(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.run("alice", name="travels", vc="platform")
    house.write_log(job_id, "hello")
    page.goto("/account/")
    page.get_by_label("Time zone").select_option("Asia/Kolkata")
    page.wait_for_load_state()
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Kolkata")
    page.goto(f"/jobs/{job_id}")
    assert page.locator("time").first.get_attribute("datetime").endswith("+05:30")
    page.goto(f"/jobs/{job_id}/console")
    stamp = page.locator("#lines .t").first
    expect(stamp).to_be_visible()
    utc = stamp.get_attribute("title")
    shown = page.evaluate(
        "at => new Date(at).toLocaleTimeString('en-GB', { timeZone: 'Asia/Kolkata' })", utc
    )
    expect(stamp).to_have_text(shown)


def test_preferences_work_without_a_script(chromium, site, enter):
    cookies = enter("alice").context.cookies()
    context = chromium.new_context(base_url=site.url, java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto("/account/")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.locator("#preferences").get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-zone", "Asia/Tokyo")
    page.get_by_role("switch").click()
    expect(page.locator("html")).to_have_attribute("data-keys", "off")
    context.close()
