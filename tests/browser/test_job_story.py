"""The first story: sign in, submit a job, watch it run and finish, the console growing."""

from __future__ import annotations

import re

from house import NPU, PASSWORD, actor
from playwright.sync_api import Page, expect

from portal.models.db import session
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


def run(house, job_id: str) -> None:
    """Bring a job to running."""
    house.work()
    house.cluster.run(house.ref(job_id))
    house.look()


def test_pausing_is_undone(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.submit("alice", name="mistake", vc="platform")
    run(house, job_id)
    page.goto("/jobs/")
    row = page.locator(f"#job-{job_id}")
    row.get_by_role("button", name="Pause mistake").click()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("Resumes as soon as it has paused")
    eventually(lambda: house.state(job_id) == "pausing")
    house.work()
    house.look()
    eventually(lambda: house.state(job_id) == "queued")
    expect(row.locator(".st")).to_contain_text("Queued")


def test_pausing_is_undone_on_the_jobs_own_page(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.submit("alice", name="mistake", vc="platform")
    run(house, job_id)
    page.goto(f"/jobs/{job_id}")
    head = page.locator("#job-head")
    head.get_by_role("button", name="Pause").click()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    eventually(lambda: house.state(job_id) == "pausing")
    expect(head.locator(".st")).to_have_text("Pausing")
    house.work()
    house.look()
    eventually(lambda: house.state(job_id) == "queued")
    expect(head.locator(".st")).to_have_text("Queued")


def test_what_fails_is_taken_back_and_says_why(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.submit("alice", name="stubborn", vc="platform")
    run(house, job_id)
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


def test_keys_move_select_and_open(signed_in, site):
    page, house = signed_in, site.house
    ids = [house.submit("alice", name="one", vc="platform")]
    house.advance(1)
    ids.insert(0, house.submit("alice", name="two", vc="platform"))
    page.goto("/jobs/")
    for key in ("j", "j", "x", "k", "x"):
        page.keyboard.press(key)
    expect(page.locator("#bulk [data-count]")).to_have_text("2 selected")
    expect(page.locator(f"#job-{ids[0]}")).to_have_class(re.compile("current"))
    page.locator("#bulk").get_by_role("button", name="Pause 2").click()
    expect(page.locator(".toast")).to_contain_text("2 jobs are pausing")
    eventually(lambda: {house.state(job_id) for job_id in ids} == {"paused"})
    expect(page.locator("tr[data-job] .st")).to_have_text(["Paused", "Paused"])
    page.locator("#pick-all").check()
    page.locator("#bulk").get_by_role("button", name="Resume 2").click()
    expect(page.locator("tr[data-job] .st").first).to_contain_text("Queued")
    expect(page.locator("#bulk")).to_be_hidden()
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


def test_the_console_is_read_in_peace(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.submit("alice", name="talks", vc="platform")
    run(house, job_id)
    house.write_log(job_id, *(f"line {number}" for number in range(1, 2301)))
    page.goto(f"/jobs/{job_id}/console")
    lines, follow = page.locator("#lines > div"), page.get_by_role("button", name="Follow")
    expect(lines).to_have_count(2000)
    expect(lines.first).to_contain_text("line 301")
    expect(page.locator("[data-size]")).to_have_text("last 2,000 lines of 2,300")

    page.locator("#lines").hover()
    page.mouse.wheel(0, -4000)
    expect(follow).to_have_attribute("aria-pressed", "false")
    place = page.locator("#lines").evaluate("box => box.scrollTop")
    house.write_log(job_id, *(f"\x1b[31mlater {number}\x1b[0m" for number in range(24)))
    newer = page.locator("#newer")
    expect(newer).to_have_text("24 new lines")
    assert page.locator("#lines").evaluate("box => box.scrollTop") == place
    expect(lines.last.locator(".er")).to_have_text("later 23")

    page.get_by_role("button", name="Load earlier").click()
    expect(lines.first).to_contain_text("line 1")
    expect(lines).to_have_count(2324)
    expect(page.get_by_role("button", name="Load earlier")).to_be_hidden()

    newer.click()
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(lines).to_have_count(2000)
    search = page.get_by_label("Search the output")
    search.fill("later")
    expect(page.locator("[data-hits]")).to_have_text("24 of 24")
    search.press("Enter")
    expect(page.locator("[data-hits]")).to_have_text("1 of 24")
    search.press("Shift+Enter")
    expect(page.locator("[data-hits]")).to_have_text("24 of 24")
    search.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes().count(b"\n") == 2324


def test_help_is_asked_for_and_the_words_survive_the_sessions_end(signed_in, site):
    page, house = signed_in, site.house
    job_id = house.submit("alice", name="stuck", vc="platform", env={"API_TOKEN": "hunter2-x"})
    page.goto("/jobs/")
    page.get_by_role("link", name="Support stuck").click()
    expect(page.locator("#facts")).to_contain_text("API_TOKEN=(hidden)")
    page.get_by_label("Message").fill("It hangs at step 3.")
    page.context.clear_cookies(name="aoli_session")
    page.get_by_role("button", name="Send").click()
    page.get_by_label("Account").fill("alice")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/jobs/{job_id}/support")
    expect(page.get_by_label("Message")).to_have_value("It hangs at step 3.")
    page.get_by_label("Subject").fill("Help me")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(f"**/jobs/{job_id}")
    expect(page.locator(".toast")).to_contain_text("The operators have your message")
    house.work()
    (mail,) = house.mailer.sent
    assert mail.subject == "Help me"
    assert "It hangs at step 3." in mail.body


def test_the_story_in_chinese(page, site):
    house = site.house
    page.context.add_cookies([{"name": "language", "value": "zh", "url": site.url}])
    page.goto("/login/")
    page.locator("[name=username]").fill("mona")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("button.pri").click()
    expect(page.get_by_role("heading", name="首页")).to_be_visible()
    waits, runs = (house.submit("alice", name=name, vc="platform") for name in ("waits", "runs"))
    run(house, runs)
    with session():
        house.portal.jobs.act(actor("alice"), waits, "pause")
    page.get_by_role("link", name="查看与管理作业").click()
    page.get_by_role("link", name="所有作业").click()
    expect(page.locator("tr.grp")).to_have_text([re.compile("运行中"), re.compile("已暂停")])
    with page.expect_download() as download:
        page.get_by_role("link", name="导出 CSV").click()
    assert download.value.path().read_text("utf-8-sig").count(",alice,") == 2
    page.locator(f"#job-{runs} a.id").click()
    page.get_by_role("link", name="控制台").click()
    house.write_log(runs, "第 1 步")
    expect(page.locator("#lines .x")).to_have_text(["第 1 步"])
    page.locator("#job-head").get_by_role("button", name="终止").click()
    page.locator("#kill-dialog").get_by_role("button", name="终止", exact=True).click()
    expect(page.locator("#job-head .st")).to_have_text(re.compile("终止中|已终止"))
    house.work()
    house.look()
    expect(page.locator("#job-head .st")).to_have_text("已终止")


def test_home_follows_the_devices(signed_in, site):
    page, house = signed_in, site.house
    use = page.locator(".dev", has_text=NPU)
    expect(use).to_contain_text("0 / 8 used")
    expect(page.locator("[data-live-badge] [data-word]")).to_have_text("Live")
    job_id = house.submit("alice", name="eight", vc="platform", device_type=NPU, devices=8)
    run(house, job_id)
    expect(use).to_contain_text("8 / 8 used")
    expect(page.locator(".run .big")).to_have_text("1")
    page.locator(".run summary").click()
    page.get_by_role("link", name="My jobs").click()
    expect(page.locator("tr[data-job] .st")).to_have_text("Running")
