"""The list of jobs: what is done in it, and how it is searched; most in English and 中文."""

from __future__ import annotations

import re

from house import NPU, actor
from job_steps import given, start
from playwright.sync_api import Page, expect

from portal.models.db import session
from portal.testing.waiting import eventually

NAMES = "tr[data-job] .nm"


def test_the_list_follows_without_moving_what_is_read(signed_in, site):
    page, house = signed_in, site.house
    first, _ = given(house, "first", "second")
    page.goto("/jobs/")
    row = page.locator(f"#job-{first}")
    row.locator(".pick").check()
    start(house, first)
    expect(row.locator(".st")).to_have_text("Running")
    expect(row.locator(".pick")).to_be_checked()
    expect(page.locator("#bulk [data-count]")).to_have_text("1 selected")
    house.submit("alice")
    expect(page.locator("tr[data-job]")).to_have_count(2)


def test_pausing_and_resuming_from_the_list(alice, site, say):
    page, house = alice, site.house
    (job_id,) = given(house, "pause_me")
    start(house, job_id)
    page.goto("/jobs/")
    row = page.locator(f"#job-{job_id}")
    row.get_by_role("button", name=say("Pause %s", "pause_me"), exact=True).click()
    expect(row.locator(".st")).to_have_text(say("Pausing"))
    expect(page.locator(".toast")).to_contain_text(say("1 job is pausing"))
    house.work()
    house.look()
    expect(row.locator(".st")).to_have_text(say("Paused"))
    row.get_by_role("button", name=say("Resume %s", "pause_me"), exact=True).click()
    expect(row.locator(".st")).to_contain_text(say("Queued"))
    # The page shows the new state before the server has answered.
    eventually(lambda: house.state(job_id) == "queued")


def test_killing_asks_first_and_names_the_jobs(alice, site, say):
    page, house = alice, site.house
    ids = given(house, "kill_a", "kill_b")
    page.goto("/jobs/")
    page.locator("#pick-all").check()
    page.locator("#bulk").get_by_role("button", name=say("Kill %s", 2)).click()
    dialog = page.locator("#kill-dialog")
    expect(dialog).to_contain_text(say("kill_b, kill_a"))
    expect(dialog.get_by_role("button", name=say("Cancel"))).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert [house.state(job_id) for job_id in ids] == ["queued", "queued"]
    page.locator("#bulk").get_by_role("button", name=say("Kill %s", 2)).click()
    dialog.get_by_role("button", name=say("Kill"), exact=True).click()
    expect(page.locator("tr[data-job] .st").first).to_have_text(say("Killed"))
    assert {house.state(job_id) for job_id in ids} == {"killed"}


def test_the_priority_is_edited_in_its_place(alice, site, say):
    page, house = alice, site.house
    (job_id,) = given(house, "important")
    page.goto("/jobs/")
    value = page.locator(f"#job-{job_id} .prio")
    value.click()
    field = page.locator(".prioin")
    field.fill("500")
    field.press("Escape")
    expect(value).to_have_text("100")
    value.click()
    field.fill("500")
    field.press("Enter")
    toast = page.locator(".toast")
    expect(toast).to_contain_text(say("Priority of %s set to %s", "important", 500))
    expect(value).to_have_text("500")
    assert house.job(job_id).spec.priority == 500
    toast.get_by_role("button", name=say("Undo")).click()
    expect(value).to_have_text("100")


def test_one_priority_for_several_and_undone(alice, site, say):
    page, house = alice, site.house
    ids = given(house, "one", "two")
    page.goto("/jobs/")
    page.locator("#pick-all").check()
    page.locator("#bulk").get_by_role("button", name=say("Set priority %s", 2)).click()
    dialog = page.get_by_role("dialog", name=say("Set priority"))
    dialog.get_by_label(say("Priority"), exact=True).fill("2000")
    dialog.locator(".pri").click()
    expect(dialog.locator(".err")).to_have_text(say("A priority is a whole number from 1 to 1000."))
    say.only(page, "one", "two")
    dialog.get_by_label(say("Priority"), exact=True).fill("300")
    dialog.locator(".pri").click()
    expect(page.locator("tr[data-job] .prio")).to_have_text(["300", "300"])
    toast = page.locator(".toast").last
    expect(toast).to_contain_text(say("Priority of 2 jobs set to 300"))
    toast.get_by_role("button", name=say("Undo")).click()
    expect(page.locator("tr[data-job] .prio")).to_have_text(["100", "100"])
    eventually(lambda: {house.job(job_id).spec.priority for job_id in ids} == {100})


def test_columns_are_hidden_at_once_and_stay_so(alice, site, say):
    page, house = alice, site.house
    given(house, "one")
    page.goto("/jobs/")
    started = page.locator("td.c-start")
    expect(started).to_be_visible()
    page.locator(".columns summary").click()
    page.get_by_role("checkbox", name=say("Started"), exact=True).uncheck()
    expect(started).to_be_hidden()
    page.reload()
    expect(page.locator("tr[data-job]")).to_have_count(1)
    expect(started).to_be_hidden()
    expect(page.locator("td.c-sub")).to_be_visible()


def test_pausing_is_undone(alice, site, say):
    page, house = alice, site.house
    (job_id,) = given(house, "mistake")
    start(house, job_id)
    page.goto("/jobs/")
    row = page.locator(f"#job-{job_id}")
    row.get_by_role("button", name=say("Pause %s", "mistake")).click()
    page.locator(".toast").get_by_role("button", name=say("Undo")).click()
    expect(page.locator(".toast").last).to_contain_text(say("Resumes as soon as it has paused"))
    eventually(lambda: house.state(job_id) == "pausing")
    house.work()
    house.look()
    eventually(lambda: house.state(job_id) == "queued")
    expect(row.locator(".st")).to_contain_text(say("Queued"))


def test_what_fails_is_taken_back_and_says_why(signed_in, site):
    page, house = signed_in, site.house
    (job_id,) = given(house, "stubborn")
    start(house, job_id)
    page.goto("/jobs/")
    row = page.locator(f"#job-{job_id}")
    page.route("**/jobs/actions", lambda route: route.abort())
    row.get_by_role("button", name="Pause stubborn").click()
    expect(page.locator(".toast.dng")).to_contain_text("The portal does not answer")
    expect(row.locator(".st")).to_have_text("Running")
    expect(row.get_by_role("button", name="Pause stubborn")).to_be_enabled()
    assert house.state(job_id) == "running"


def test_a_clash_says_who_was_first(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.submit("alice", name="shared", vc="platform")
    page.goto("/jobs/")
    page.route("**/events", lambda route: route.abort())
    page.locator(f"#job-{job_id} .prio").click()
    with session():
        house.portal.jobs.set_priority(actor("mona"), job_id, 700)
    page.locator(".prioin").fill("500")
    page.locator(".prioin").press("Enter")
    expect(page.locator(".toast.dng")).to_contain_text("mona has set it to 700.")
    expect(page.locator(f"#job-{job_id} .prio")).to_have_text("700")
    assert house.job(job_id).spec.priority == 700


def test_keys_move_select_and_open(alice, site, say):
    page, house = alice, site.house
    ids = given(house, "one", "two")[::-1]
    page.goto("/jobs/")
    for key in ("j", "j", "x", "k", "x"):
        page.keyboard.press(key)
    expect(page.locator("#bulk [data-count]")).to_have_text(say("%s selected", 2))
    expect(page.locator(f"#job-{ids[0]}")).to_have_class(re.compile("current"))
    page.locator("#bulk").get_by_role("button", name=say("Pause %s", 2)).click()
    expect(page.locator(".toast")).to_contain_text(say("2 jobs are pausing"))
    eventually(lambda: {house.state(job_id) for job_id in ids} == {"paused"})
    expect(page.locator("tr[data-job] .st")).to_have_text([say("Paused")] * 2)
    page.locator("#pick-all").check()
    page.locator("#bulk").get_by_role("button", name=say("Resume %s", 2)).click()
    expect(page.locator("tr[data-job] .st").first).to_contain_text(say("Queued"))
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.locator("#pick-all")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{ids[0]}")


def test_new_jobs_wait_behind_a_note(signed_in, site):
    page, house = signed_in, site.house
    house.submit("alice", name="old", vc="platform")
    page.goto("/jobs/")
    expect(page.locator("[data-live-badge] [data-word]")).to_have_text("Live")
    house.advance(60)
    for name in ("new_1", "new_2"):
        house.submit("alice", name=name, vc="platform")
    note = page.locator("#new-jobs a")
    expect(note).to_contain_text("2 new jobs")
    expect(page.locator("tr[data-job]")).to_have_count(1)
    note.click()
    expect(page.locator("tr[data-job]")).to_have_count(3)


def names(page: Page) -> list[str]:
    return page.locator(NAMES).all_inner_texts()


def test_the_list_is_searched_filtered_and_sorted(alice, site, say):
    page, house = alice, site.house
    given(house, "resnet", "bert", "resnet_2")
    house.submit("alice", name="horovod", vc="platform", device_type=NPU, devices=8, priority=300)
    page.goto("/jobs/")
    expect(page.locator(NAMES)).to_have_count(4)
    search = page.locator("main").get_by_role("searchbox", name=say("Search jobs"))
    search.fill("resnet")
    search.press("Enter")
    expect(page.locator(NAMES)).to_have_count(2)
    expect(page).to_have_url(re.compile("q=resnet"))
    page.locator("main").get_by_role("link", name=say("Clear filters")).click()
    page.get_by_label(say("Device type"), exact=True).select_option(NPU)
    expect(page.locator(NAMES)).to_have_text(["horovod"])
    page.get_by_role("combobox", name=say("Status"), exact=True).select_option(label=say("Paused"))
    expect(page.get_by_role("heading", name=say("No job matches"))).to_be_visible()
    say.only(page)
    page.locator("main .empty").get_by_role("link", name=say("Clear filters")).click()
    for column, first in (("Name", "bert"), ("Priority", "horovod")):
        head = page.get_by_role("columnheader", name=say(column), exact=True)
        head.get_by_role("link").click()
        expect(page.locator("th[aria-sort]")).to_have_text(say(column))
        if names(page)[0] != first:
            head.get_by_role("link").click()
        expect(page.locator(NAMES).first).to_have_text(first)
    say.only(page, "resnet", "bert", "horovod")


def test_the_list_comes_in_pages(alice, site, say):
    page, house = alice, site.house
    given(house, *(f"job_{number:02}" for number in range(17)))
    page.goto("/jobs/?limit=15")
    pager = page.locator(".pager")
    expect(pager).to_contain_text(say("%s–%s of %s", 1, 15, 17))
    expect(pager.get_by_role("button", name=say("Previous page"))).to_be_disabled()
    pager.get_by_role("link", name=say("Next page")).click()
    expect(pager).to_contain_text(say("%s–%s of %s", 16, 17, 17))
    assert names(page) == ["job_01", "job_00"]
    say.only(page)
    pager.get_by_role("link", name=say("Previous page")).click()
    pager.get_by_label(say("Rows")).select_option("30")
    expect(page.locator(NAMES)).to_have_count(17)


def test_all_jobs_in_groups_and_as_a_file(enter, site, say):
    page, house = enter("mona"), site.house
    waits, runs = given(house, "waits", "runs")
    start(house, runs)
    with session():
        house.portal.jobs.act(actor("alice"), waits, "pause")
    page.goto("/jobs/")
    page.get_by_role("link", name=say("ALL JOBS")).click()
    expect(page.locator("tr.grp")).to_have_text(
        [re.compile(say("Running")), re.compile(say("Paused"))]
    )
    say.only(page, "waits", "runs")
    with page.expect_download() as download:
        page.get_by_role("link", name=say("Export CSV")).click()
    assert download.value.path().read_text("utf-8-sig").count(",alice,") == 2


def test_there_is_nothing_yet(enter, site, say):
    page = enter("mona")
    page.goto("/jobs/")
    expect(page.get_by_role("heading", name=say("No jobs in %s yet", "platform"))).to_be_visible()
    say.only(page)
    page.get_by_role("link", name=say("ALL JOBS")).click()
    nothing = say("Nothing is waiting or running in %s", "platform")
    expect(page.get_by_role("heading", name=nothing)).to_be_visible()
    say.only(page)


def test_news_wait_until_what_is_pressed_is_let_go(alice, site, say):
    page = alice
    (job_id,) = given(site.house, "first")
    with page.expect_response("**/jobs/rows**"):
        page.goto("/jobs/")
    page.get_by_role("button", name=say("Kill %s", "first")).hover()
    page.mouse.down()
    with page.expect_response("**/jobs/rows**"):
        start(site.house, job_id)
    page.mouse.up()
    dialog = page.locator("#kill-dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(f"#job-{job_id} .st")).to_have_text(say("Running"))
