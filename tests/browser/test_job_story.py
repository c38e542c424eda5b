"""The first stories, in English and 中文: a job from its submission to its end."""

from __future__ import annotations

import re

from house import NPU
from job_steps import field, fill_in, given, send, sign_in_again, start
from playwright.sync_api import Locator, Page, Route, expect

from portal.testing.waiting import eventually

STATE = "#job-head .st"


def act(page: Page, label: str) -> Locator:
    """The button in the job's head."""
    return page.locator("#job-head").get_by_role("button", name=label)


def test_a_job_from_submission_to_its_end(alice, site, say):
    page, house = alice, site.house
    page.goto("/submit/")
    fill_in(page, say, "resnet50")
    page.get_by_text(NPU, exact=True).first.click()
    page.locator("#device-count .seg label", has_text="4").click()
    job_id = send(page, say)
    state = page.locator(STATE)
    expect(state).to_have_text(say("Queued"))
    house.work()
    expect(state).to_have_text(say("Scheduling"))
    house.cluster.run(house.ref(job_id))
    house.look()
    expect(state).to_have_text(say("Running"))
    expect(page.locator(".tl")).to_contain_text(say("Running"))
    say.only(page, "resnet50")

    page.get_by_role("link", name=say("CONSOLE")).click()
    lines = page.locator("#lines .x")
    house.write_log(job_id, "epoch 1 loss 1.4", "[WARNING] slow peer")
    expect(lines).to_have_text(["epoch 1 loss 1.4", "[WARNING] slow peer"])
    expect(lines.nth(1)).to_have_class(re.compile("wn"))
    house.write_log(job_id, "<b>第 2 轮</b> loss 1.1")
    expect(lines.nth(2)).to_have_text("<b>第 2 轮</b> loss 1.1")

    house.end(job_id)
    expect(state).to_have_text(say("Finished"))
    expect(act(page, say("Kill"))).to_have_count(0)
    expect(lines).to_have_count(3)
    page.get_by_role("link", name=say("BRIEF")).click()
    say.only(page, "resnet50")


def test_a_job_is_paused_resumed_and_killed(alice, site, say):
    page, house = alice, site.house
    (job_id,) = given(house, "moody")
    start(house, job_id)
    page.goto(f"/jobs/{job_id}")
    state, toast = page.locator(STATE), page.locator(".toast").last
    act(page, say("Pause")).click()
    toast.get_by_role("button", name=say("Undo")).click()
    expect(toast).to_contain_text(say("Resumes as soon as it has paused"))
    expect(state).to_have_text(say("Pausing"))
    eventually(lambda: house.state(job_id) == "pausing")
    house.work()
    house.look()
    expect(state).to_have_text(say("Queued"))

    start(house, job_id)
    expect(state).to_have_text(say("Running"))
    act(page, say("Pause")).click()
    eventually(lambda: house.state(job_id) == "pausing")
    house.work()
    house.look()
    expect(state).to_have_text(say("Paused"))
    act(page, say("Resume")).click()
    expect(state).to_have_text(say("Queued"))

    act(page, say("Kill")).click()
    dialog = page.locator("#kill-dialog")
    expect(dialog).to_contain_text("moody")
    expect(dialog.get_by_role("button", name=say("Cancel"))).to_be_focused()
    say.only(page, "moody")
    dialog.get_by_role("button", name=say("Kill"), exact=True).click()
    expect(state).to_have_text(say("Killed"))
    assert house.state(job_id) == "killed"


def test_the_priority_is_saved_without_leaving_the_page(signed_in, site):
    page, house = signed_in, site.house
    (job_id,) = given(house, "steady")
    page.goto(f"/jobs/{job_id}")
    page.evaluate("window.stayed = true")
    page.locator("#prio").fill("180")
    page.get_by_role("button", name="Save", exact=True).click()
    toast = page.locator(".toast").last
    expect(toast).to_contain_text("Priority of steady set to 180")
    expect(toast).to_contain_text("It was 100.")
    assert house.job(job_id).spec.priority == 180
    page.route("**/priority", lambda route: route.abort())
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toast.dng")).to_contain_text("The portal does not answer.")
    assert page.evaluate("window.stayed")


def test_news_amid_an_act_do_not_swallow_its_message(signed_in, site):
    page, house = signed_in, site.house
    (job_id,) = given(house, "moody")
    start(house, job_id)
    page.goto(f"/jobs/{job_id}")
    expect(page.locator("[data-live-badge] [data-word]")).to_have_text("Live")
    held: dict[str, Route] = {}
    for name in ("head", "actions"):
        page.route(f"**/{name}", lambda route, _, name=name: held.setdefault(name, route))
    with page.expect_request("**/head"):
        page.evaluate("Aoli.live.changed(null)")
    page.locator("#job-head h1").evaluate("node => { node.textContent = 'older' }")
    with page.expect_request("**/actions"):
        act(page, "Pause").click()
    with page.expect_response("**/head"):
        held["head"].continue_()
    page.unroute("**/head")
    held["actions"].continue_()
    expect(page.locator(".toast").get_by_role("button", name="Undo")).to_be_visible()
    expect(page.locator("#job-head h1")).to_have_text("moody")


def test_a_distributed_job_on_two_nodes(alice, site, say):
    page, house = alice, site.house
    page.goto("/submit/")
    fill_in(page, say, "horovod")
    page.locator("label", has_text=say("Distributed")).click()
    page.get_by_label(say("Number of nodes")).fill("2")
    page.get_by_text(NPU, exact=True).first.click()
    page.locator("#device-count .seg label", has_text="1").click()
    expect(page.locator("#total-devices")).to_have_text(say("Total: %s × %s = %s devices", 2, 1, 2))
    page.get_by_text("cpu", exact=True).click()
    job_id = send(page, say)
    start(house, job_id)
    expect(page.locator(STATE)).to_have_text(say("Running"))
    for number in range(2):
        house.write_log(job_id, f"rank {number} is ready", replica=f"worker-{number}")
    page.get_by_role("link", name=say("CONSOLE")).click()
    for number in range(2):
        page.get_by_label(say("Replica")).select_option(f"worker-{number}")
        expect(page.locator("#lines .x")).to_have_text([f"rank {number} is ready"])
    say.only(page, "horovod")
    house.end(job_id)
    expect(page.locator(STATE)).to_have_text(say("Finished"))


def test_help_is_asked_for_and_the_words_survive_the_sessions_end(alice, site, say, end_session):
    page, house = alice, site.house
    job_id = house.submit("alice", name="stuck", vc="platform", env={"API_TOKEN": "hunter2-x"})
    page.goto("/jobs/")
    page.get_by_role("link", name=say("Support %s", "stuck")).click()
    expect(page.locator("#facts")).to_contain_text("API_TOKEN=(hidden)")
    page.get_by_label(say("Message")).fill("It hangs at step 3.")
    end_session()
    page.get_by_role("button", name=say("Send")).click()
    sign_in_again(page, say)
    page.wait_for_url(f"**/jobs/{job_id}/support")
    expect(page.get_by_label(say("Message"))).to_have_value("It hangs at step 3.")
    field(page, say("Subject")).fill("Help me")
    page.get_by_role("button", name=say("Send")).click()
    page.wait_for_url(f"**/jobs/{job_id}")
    expect(page.locator(".toast")).to_contain_text(say("The operators have your message"))
    house.work()
    (mail,) = house.mailer.sent
    assert mail.subject == "Help me"
    assert "It hangs at step 3." in mail.body


def test_the_console_is_read_in_peace(signed_in, site):
    page, house = signed_in, site.house
    (job_id,) = given(house, "talks")
    start(house, job_id)
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


def test_home_follows_the_devices(signed_in, site):
    page, house = signed_in, site.house
    use = page.locator(".dev", has_text=NPU)
    expect(use).to_contain_text("0 / 8 used")
    expect(page.locator("[data-live-badge] [data-word]")).to_have_text("Live")
    job_id = house.submit("alice", name="eight", vc="platform", device_type=NPU, devices=8)
    start(house, job_id)
    expect(use).to_contain_text("8 / 8 used")
    expect(page.locator(".run .big")).to_have_text("1")
    page.locator(".run summary").click()
    page.get_by_role("link", name="My jobs").click()
    expect(page.locator("tr[data-job] .st")).to_have_text("Running")
