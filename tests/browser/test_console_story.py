"""Tab CONSOLE in a browser: redraws, search over everything, jumps, attempts, ranks, styles."""

from __future__ import annotations

import re

import pytest
from job_steps import start
from playwright.sync_api import expect

PAIR = {"kind": "distributed", "nodes": 2, "devices": 4, "device_type": "huawei_npu_arm64"}


@pytest.fixture
def console(signed_in, site):
    """``console(*lines)``: the console of a running job that has said them; its id."""

    def show(*lines, **fields):
        job_id = site.house.run("alice", name="talks", vc="platform", **fields)
        site.house.write_log(job_id, *lines)
        signed_in.goto(f"/jobs/{job_id}/console")
        return job_id

    return show


def live(site, job_id, text):
    """What a line shows that has no end yet, as a runtime writes it."""
    path = site.house.portal.logs.path(site.house.ref(job_id), "main")
    beside = path.with_suffix(".live")
    beside.write_text(f"{path.stat().st_size} 2026-11-02T12:00:00.000000Z {text}")


def test_a_bar_changes_in_place(console, signed_in, site):
    job_id = console("begun")
    texts = signed_in.locator("#lines .x")
    live(site, job_id, " 10%|#         |")
    expect(texts).to_have_text(["begun", " 10%|#         |"])
    live(site, job_id, " 90%|######### |")
    expect(texts).to_have_text(["begun", " 90%|######### |"])
    site.house.write_log(job_id, "100%|##########|", "done")
    expect(texts).to_have_text(["begun", "100%|##########|", "done"])


def test_old_output_with_returns_shows_the_last_states(console, signed_in):
    console("dos line\r", "10%\r20%\r", "  1%\r100%\r    ")
    expect(signed_in.locator("#lines .x")).to_have_text(["dos line", "20%", "100%"])


def test_search_finds_what_is_not_loaded(console, signed_in):
    console("the seed is 4711", *(f"step {n}" for n in range(9000)), "another seed")
    page, hits = signed_in, signed_in.locator("[data-hits]")
    expect(page.locator("#lines > div")).to_have_count(2000)
    search = page.get_by_label("Search the output")
    search.fill("SEED")
    expect(hits).to_have_text("2 of 2")
    current = page.locator("#lines .cur")
    expect(current.locator(".x")).to_have_text("another seed")
    search.press("Enter")
    expect(hits).to_have_text("1 of 2")
    expect(current.locator(".x")).to_have_text("the seed is 4711")
    expect(current.locator(".n")).to_have_text("1")
    expect(current).to_be_in_viewport()
    expect(page.locator("#lines mark")).to_have_text(["seed"])
    expect(page.locator("[data-size]")).to_have_text("lines 1 to 2,000")
    page.get_by_role("button", name="Load later").click()
    expect(page.locator("#lines > div")).to_have_count(4000)
    expect(page.locator("#lines > div").last.locator(".n")).to_have_text("4000")
    page.get_by_role("button", name="Follow").click()
    expect(page.locator("[data-size]")).to_have_text("last 2,000 lines of 9,002")
    search.fill("nowhere")
    expect(hits).to_have_text("none")


def test_hits_that_come_later_count_too(console, signed_in, site):
    job_id = console("loss 1")
    signed_in.get_by_label("Search the output").fill("loss")
    hits = signed_in.locator("[data-hits]")
    expect(hits).to_have_text("1 of 1")
    site.house.write_log(job_id, "loss 2", "other")
    expect(hits).to_have_text("1 of 2")
    expect(signed_in.locator("#lines mark")).to_have_count(2)


def test_one_goes_to_a_line_a_time_and_both_ends(console, signed_in, site):
    job_id = console(*(f"early {n}" for n in range(3000)))
    house, page = site.house, signed_in
    house.advance(3600)
    house.write_log(job_id, *(f"late {n}" for n in range(3000)))
    page.reload()
    expect(page.locator("#lines > div")).to_have_count(2000)
    current = page.locator("#lines .cur")

    def go(text):
        page.locator("#go > summary").click()
        page.get_by_label("Line or time").fill(text)
        page.get_by_label("Line or time").press("Enter")

    go("2,500")
    expect(current.locator(".n")).to_have_text("2500")
    expect(current).to_be_in_viewport()
    page.locator("#go > summary").click()
    page.get_by_role("button", name="First line").click()
    expect(current.locator(".x")).to_have_text("early 0")
    go(page.evaluate("t => new Date(t).toLocaleTimeString('en-GB')", house.now.isoformat()))
    expect(current.locator(".x")).to_have_text("late 0")
    go("noon")
    expect(page.locator(".toast").last).to_contain_text("Neither a line nor a time")
    page.locator("#go > summary").click()
    page.get_by_role("button", name="Last line").click()
    expect(page.locator("#lines > div").last.locator(".x")).to_have_text("late 2999")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")


def test_earlier_attempts_say_what_ended_them(console, signed_in, site):
    job_id = console("the first try")
    house, page = site.house, signed_in
    expect(page.locator("#lines .x")).to_have_text(["the first try"])
    house.cluster.vanish(house.ref(job_id))
    house.advance(30)
    house.look()
    house.advance(30)
    house.queue.enqueue("admit")
    house.look()
    start(house, job_id)
    assert house.job(job_id).attempt == 2
    house.write_log(job_id, "the second try", attempt=2)
    expect(page.locator("#lines .x")).to_have_text(["the second try"])
    attempt = page.get_by_label("Attempt")
    expect(attempt.locator("option")).to_have_text(
        [re.compile("Attempt 2: since"), re.compile("Attempt 1: Requeued, ")]
    )
    attempt.select_option("1")
    expect(page.locator("#lines .x")).to_have_text(["the first try"])
    expect(page.locator("#lines .end-note")).to_contain_text("was lost")
    assert "attempt=1" in page.url
    page.reload()
    expect(page.locator("#lines .x")).to_have_text(["the first try"])
    href = page.locator("[data-download=plain]").get_attribute("href")
    assert page.request.get(href).text() == "the first try\n"
    attempt.select_option("2")
    expect(page.locator("#lines .x")).to_have_text(["the second try"])


def test_all_ranks_stand_together_and_the_failed_one_is_marked(signed_in, site):
    house, page = site.house, signed_in
    job_id = house.run("alice", name="pair", vc="platform", **PAIR)
    house.write_log(job_id, "rank 0 begins", replica="worker-0")
    house.advance(1)
    house.write_log(job_id, "rank 1 begins", "ValueError: no", replica="worker-1")
    house.advance(1)
    house.write_log(job_id, "rank 0 goes on", replica="worker-0")
    house.cluster.finish(house.ref(job_id), "worker-1", exit_code=1)
    house.look()
    page.goto(f"/jobs/{job_id}/console?pod=*")
    expect(page.locator("#lines .x")).to_have_text(
        ["rank 0 begins", "rank 1 begins", "ValueError: no", "rank 0 goes on"]
    )
    expect(page.locator("#lines .p")).to_have_text(["rank0", "rank1", "rank1", "rank0"])
    expect(page.locator("#lines .failed .p")).to_have_text(["rank1", "rank1"])
    expect(page.get_by_label("Replica").locator("option").nth(2)).to_contain_text("exit code 1")
    page.get_by_label("Search the output").fill("goes on")
    expect(page.locator("#lines .cur .x")).to_have_text("rank 0 goes on")


def test_replicas_can_be_chosen_as_soon_as_there_are_some(signed_in, site):
    house, page = site.house, signed_in
    job_id = house.submit("alice", name="pair", vc="platform", **PAIR)
    page.goto(f"/jobs/{job_id}/console")
    expect(page.locator("#lines .nothing")).to_be_visible()
    start(house, job_id)
    house.write_log(job_id, "hello", replica="worker-0")
    expect(page.locator("#lines .p")).to_have_text(["rank0"])
    page.get_by_label("Replica").select_option("*")
    house.write_log(job_id, "hello too", replica="worker-1")
    expect(page.locator("#lines .p")).to_have_text(["rank0", "rank1"])


def test_styles_are_a_terminals(console, signed_in):
    link = "\x1b]8;;https://example.org/run\x1b\\the run\x1b]8;;\x1b\\"
    script = "\x1b]8;;javascript:alert(1)\x1b\\press me\x1b]8;;\x1b\\"
    console(
        "\x1b[1;4mhead\x1b[0m \x1b[38;5;208morange\x1b[39m \x1b[38;2;10;20;30mdark\x1b[0m",
        "\x1b[41mground\x1b[0m \x1b[7mswapped\x1b[27m \x1b[9;3mgone\x1b[0m",
        f"see {link} or {script}",
        "|\b/\b-\b\x1b[32mdone\x1b[0m",
        "loading\x1b[2K\x1b[1Gready",
        "<img src=x onerror=alert(1)>",
    )
    page = signed_in
    texts = page.locator("#lines .x")
    expect(texts).to_have_text(
        ["head orange dark", "ground swapped gone", "see the run or press me", "done", "ready",
         "<img src=x onerror=alert(1)>"]
    )  # fmt: skip
    expect(page.locator("#lines .a-bold.a-under")).to_have_text("head")
    expect(page.get_by_text("orange", exact=True)).to_have_css("color", "rgb(255, 135, 0)")
    shade = page.get_by_text("dark", exact=True).evaluate("e => getComputedStyle(e).color")
    assert shade != "rgb(10, 20, 30)", "it could not be read"
    expect(page.get_by_text("ground", exact=True)).to_have_css(
        "background-color", "rgb(205, 60, 60)"
    )
    expect(page.locator("#lines .a-italic.a-strike")).to_have_text("gone")
    expect(page.locator("#lines a")).to_have_count(1)
    expect(page.locator("#lines a")).to_have_attribute("href", "https://example.org/run")
    expect(page.locator("#lines a")).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(page.locator("#lines .x img")).to_have_count(0)


def test_the_error_of_a_traceback_is_red(console, signed_in):
    console(
        "Traceback (most recent call last):",
        '  File "/work/train.py", line 88, in <module>',
        "    batch = next(loader)",
        "my.own.Trouble: it broke",
        "[rank1]: Traceback (most recent call last):",
        '[rank1]:   File "/work/train.py", line 9, in <module>',
        "[rank1]: torch.cuda.OutOfMemoryError: CUDA out of memory",
        "KeyboardInterrupt",
        "no ErrorProne name",
    )
    lines = signed_in.locator("#lines > div")
    expect(lines).to_have_count(9)
    red = [n for n in range(9) if "er" in lines.nth(n).locator(".x").get_attribute("class").split()]
    assert red == [0, 3, 4, 6, 7]
