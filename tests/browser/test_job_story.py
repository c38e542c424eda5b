"""The first story: sign in, submit a job, watch it run and finish, the console growing."""

from __future__ import annotations

import re

from house import NPU
from playwright.sync_api import Page, expect

from portal.testing.waiting import eventually


def submit(page: Page, name: str, **fields: str) -> str:
    """Fill in the form and submit; return the job's id."""
    page.goto("/submit/")
    page.get_by_label("Job name").fill(name)
    page.get_by_label("Docker image").fill("mindspore:1.10")
    page.locator("#f-command").fill(fields.get("command", "python train.py"))
    page.locator(f"input[name=device_type][value='{fields.get('device_type', '')}']").check()
    if "devices" in fields:
        page.locator(f".seg input[name=devices][value='{fields['devices']}']").check(force=True)
    page.locator("#submit-job").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    return page.url.rpartition("/")[2]


def test_a_job_from_submission_to_its_end(signed_in, site):
    page, house = signed_in, site.house
    job_id = submit(page, "resnet50", device_type=NPU, devices="4")

    head = page.locator("#job-head")
    expect(head.locator(".st")).to_have_text("Queued")
    house.work()
    expect(head.locator(".st")).to_have_text("Scheduling")
    house.cluster.run(house.ref(job_id))
    house.look()
    expect(head.locator(".st")).to_have_text("Running")
    expect(page.locator(".tl")).to_contain_text("Running")

    page.get_by_role("link", name="CONSOLE").click()
    lines = page.locator("#lines .x")
    house.write_log(job_id, "epoch 1 loss 1.4", "[WARNING] slow peer")
    expect(lines).to_have_text(["epoch 1 loss 1.4", "[WARNING] slow peer"])
    expect(lines.nth(1)).to_have_class(re.compile("wn"))
    house.write_log(job_id, "<b>epoch 2</b> loss 1.1")
    expect(lines.nth(2)).to_have_text("<b>epoch 2</b> loss 1.1")

    house.end(job_id)
    expect(head.locator(".st")).to_have_text("Finished")
    expect(head.get_by_role("button", name="Kill")).to_have_count(0)
    expect(lines).to_have_count(3)


def test_the_list_follows_without_moving_what_is_read(signed_in, site):
    page, house = signed_in, site.house
    first = submit(page, "first")
    submit(page, "second")
    page.goto("/jobs/")
    row = page.locator(f"#job-{first}")
    row.locator(".pick").check()
    house.work()
    house.cluster.run(house.ref(first))
    house.look()
    expect(row.locator(".st")).to_have_text("Running")
    expect(row.locator(".pick")).to_be_checked()
    expect(page.locator("#bulk [data-count]")).to_have_text("1 selected")
    house.submit("alice")
    expect(page.locator("tr[data-job]")).to_have_count(2)


def test_pausing_and_resuming_from_the_list(signed_in, site):
    page, house = signed_in, site.house
    job_id = submit(page, "pause_me")
    house.work()
    house.cluster.run(house.ref(job_id))
    house.look()
    page.goto("/jobs/")
    row = page.locator(f"#job-{job_id}")
    row.get_by_role("button", name="Pause pause_me", exact=True).click()
    expect(row.locator(".st")).to_have_text("Pausing")
    expect(page.locator(".toast")).to_contain_text("1 job is pausing")
    house.work()
    house.look()
    expect(row.locator(".st")).to_have_text("Paused")
    row.get_by_role("button", name="Resume pause_me", exact=True).click()
    expect(row.locator(".st")).to_contain_text("Queued")
    # The page shows the new state before the server has answered.
    eventually(lambda: house.state(job_id) == "queued")


def test_killing_asks_first_and_names_the_jobs(signed_in, site):
    page, house = signed_in, site.house
    ids = [submit(page, "kill_a")]
    house.advance(1)
    ids.append(submit(page, "kill_b"))
    page.goto("/jobs/")
    page.locator("#pick-all").check()
    page.locator("#bulk").get_by_role("button", name="Kill 2").click()
    dialog = page.locator("#kill-dialog")
    expect(dialog).to_contain_text("kill_b, kill_a")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert [house.state(job_id) for job_id in ids] == ["queued", "queued"]
    page.locator("#bulk").get_by_role("button", name="Kill 2").click()
    dialog.get_by_role("button", name="Kill", exact=True).click()
    expect(page.locator("tr[data-job] .st").first).to_have_text("Killed")
    assert {house.state(job_id) for job_id in ids} == {"killed"}


def test_the_priority_is_edited_in_its_place(signed_in, site):
    page, house = signed_in, site.house
    job_id = submit(page, "important")
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
    expect(page.locator(".toast")).to_contain_text("Priority of important set to 500")
    expect(value).to_have_text("500")
    assert house.job(job_id).spec.priority == 500
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(value).to_have_text("100")


def test_killing_from_the_jobs_own_page(signed_in, site):
    page, house = signed_in, site.house
    job_id = submit(page, "kill_me")
    page.locator("#job-head").get_by_role("button", name="Kill").click()
    page.locator("#kill-dialog").get_by_role("button", name="Kill", exact=True).click()
    expect(page.locator("#job-head .st")).to_have_text("Killed")
    assert house.state(job_id) == "killed"
