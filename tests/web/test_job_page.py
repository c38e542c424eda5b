"""One job's page (spec D3, D5, D6, D9)."""

from __future__ import annotations

import re

import pytest
from house import GPU, NPU
from web_pages import run_job, submit_job


def test_the_brief_shows_everything_that_was_asked_for(at_alices, web_house):
    job_id = submit_job(
        web_house.house,
        name="resnet",
        device_type=NPU,
        devices=2,
        env={"LR": "0.1"},
        mounts={"work": {"enabled": True, "sub_path": "test"}, "data": {"enabled": False}},
        command="python train.py\n--epochs <90>",
    )
    page = at_alices.page(f"/jobs/{job_id}")
    for text in (
        job_id,
        "resnet",
        "platform, cluster lab",
        "python:3.11",
        "work/alice/test",
        "not mounted",
        NPU,
        "LR=0.1",
        "--epochs &lt;90&gt;",
        "Regular",
    ):
        assert text in page, text


def test_a_waiting_job_says_why_and_its_place(at_alices, web_house):
    house = web_house.house
    run_job(house, name="big", device_type=NPU, devices=8)
    waiting = submit_job(house, name="second", device_type=NPU, devices=4)
    house.work()
    page = at_alices.page(f"/jobs/{waiting}")
    assert "Why is it waiting?" in page
    assert "8 of 8 huawei_npu_arm64, 4 needed" in page.replace("&#39;", "'")
    assert "1st in the queue" in page
    for text in ("0 of 8 on 1 node", "first in its queue", "1 of 1 take jobs"):
        assert text in page, text
    assert "Raise priority" not in page


def test_a_waiting_job_is_offered_the_priority_that_makes_it_the_first(browse, web_house):
    house = web_house.house
    run_job(house, device_type=NPU, devices=8)
    submit_job(house, "bob", device_type=NPU, devices=8, priority=150)
    waiting = submit_job(house, "alice", name="late", device_type=NPU, devices=4)
    house.work()
    alice = browse("alice")
    page = alice.page(f"/jobs/{waiting}")
    assert "1 job ahead, priority 150" in page
    assert "Raise priority to 160" in page
    answer = alice.post(f"/jobs/{waiting}/priority", {"priority": "160"})
    assert answer.status_code == 303
    page = alice.page(f"/jobs/{waiting}")
    assert "first in its queue" in page
    assert "Raise priority" not in page
    assert "Raise priority" not in browse("vera").page(f"/jobs/{waiting}")


def test_who_may_not_see_the_cluster_sees_no_nodes(browse, web_house):
    house = web_house.house
    run_job(house, "bob", name="bobs", device_type=NPU, devices=8)
    waiting = submit_job(house, "alice", device_type=NPU, devices=4)
    house.work()
    assert "bobs (bob)" in browse("root").page(f"/jobs/{waiting}")
    assert "bobs" not in browse("alice").page(f"/jobs/{waiting}")


def test_a_cluster_that_is_away_was_seen_at_a_readable_time(at_alices, web_house):
    house = web_house.house
    waiting = submit_job(house, device_type=NPU, devices=4)
    house.portal.watch_handler.unreachable("connection refused")
    house.advance(60)
    house.work()
    page = at_alices.page(f"/jobs/{waiting}")
    assert re.search(r"The cluster does not answer; last seen [^<]*\d\d:\d\d\.", page)


def test_those_ahead_are_named_only_for_who_may_see_them(browse, web_house):
    house = web_house.house
    run_job(house, name="big", device_type=NPU, devices=8)
    ahead = submit_job(house, "bob", name="ahead_of_you", device_type=NPU, devices=4)
    house.advance(1)
    mine = submit_job(house, "alice", name="mine", device_type=NPU, devices=4)
    house.work()
    page = browse("alice").page(f"/jobs/{mine}")
    assert "1 job of others is ahead in the queue." in page
    assert "ahead_of_you" not in page
    assert "It starts when jobs of the virtual cluster give devices back" in page
    assert f'<a href="/jobs/{ahead}">ahead_of_you</a>' in browse("vera").page(f"/jobs/{mine}")


def test_the_timeline_has_every_step(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house, device_type=GPU, devices=1)
    house.advance(65)
    house.end(job_id)
    page = at_alices.page(f"/jobs/{job_id}")
    timeline = page[page.index('class="tl"') :]
    steps = ("Finished", "Running", "Scheduling", "Job submitted")
    order = [timeline.index(f">{step}<") for step in steps]
    assert order == sorted(order)
    assert "1 min 5 s" in timeline
    assert "by alice" in timeline


def test_a_failed_job_says_why_with_its_last_lines(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house)
    house.write_log(job_id, *(f"line {i}" for i in range(30)), "[ERROR] <no data>")
    house.end(job_id, exit_code=3)
    page = at_alices.page(f"/jobs/{job_id}")
    assert "Why did it fail?" in page
    assert "The command ended with exit code 3." in page
    assert "[ERROR] &lt;no data&gt;" in page
    assert "line 29" in page
    assert "line 9\n" not in page


def test_only_legal_actions_are_offered(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house)
    page = at_alices.page(f"/jobs/{job_id}/head")
    assert 'value="pause"' in page
    assert 'value="resume"' not in page
    house.end(job_id)
    page = at_alices.page(f"/jobs/{job_id}/head")
    assert 'name="action"' not in page
    assert "clone=" in page


def test_tabs_of_features_that_do_not_exist_are_not_shown(at_alices, web_house):
    page = at_alices.page(f"/jobs/{submit_job(web_house.house)}")
    assert "ENDPOINTS" not in page
    assert "METRICS" not in page


def lines_of(browser, job_id, after="", pod=""):
    answer = browser.fragment(f"/jobs/{job_id}/lines?after={after}&pod={pod}")
    assert answer.status_code == 200
    return answer.get_json()


def test_the_console_begins_with_the_newest_lines_and_grows(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house)
    house.write_log(job_id, *(f"line {i}" for i in range(2500)))
    first = lines_of(at_alices, job_id)
    assert len(first["lines"]) == 2000
    assert (first["first"], first["lines"][0][1], first["lines"][-1][1]) == (
        501,
        "line 500",
        "line 2499",
    )
    nothing = lines_of(at_alices, job_id, first["offset"])
    assert (nothing["lines"], nothing["offset"]) == ([], first["offset"])
    house.write_log(job_id, "<b>new</b>")
    grown = lines_of(at_alices, job_id, nothing["offset"])
    assert [line[1] for line in grown["lines"]] == ["<b>new</b>"]
    assert grown["first"] == 2501


def test_half_a_line_waits_for_its_end(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house)
    house.write_log(job_id, "whole")
    with house.portal.logs.path(house.ref(job_id), "main").open("a") as file:
        file.write("2026-11-02T12:00:00Z hal")
    first = lines_of(at_alices, job_id)
    assert [line[1] for line in first["lines"]] == ["whole"]
    with house.portal.logs.path(house.ref(job_id), "main").open("a") as file:
        file.write("f\n")
    assert [line[1] for line in lines_of(at_alices, job_id, first["offset"])["lines"]] == ["half"]


@pytest.mark.parametrize("after", ["nonsense", "1:2", "99:0:0", "1:-1:5", "1:1:1:1"])
def test_a_place_of_nowhere_begins_again(at_alices, web_house, after):
    job_id = run_job(web_house.house)
    web_house.house.write_log(job_id, "one")
    again = lines_of(at_alices, job_id, after)
    assert again["restart"]
    assert len(again["lines"]) == 1


def test_before_the_start_the_console_says_the_place_in_the_queue(at_alices, web_house):
    house = web_house.house
    run_job(house, device_type=NPU, devices=8)
    job_id = submit_job(house, device_type=NPU, devices=8)
    house.work()
    assert "No output yet. The job is 1st in the queue." in at_alices.page(
        f"/jobs/{job_id}/console"
    )
    assert lines_of(at_alices, job_id)["lines"] == []


def test_the_whole_output_can_be_downloaded(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house, name="my job")
    house.write_log(job_id, *(f"line {i}" for i in range(3000)))
    answer = at_alices.get(f"/jobs/{job_id}/log")
    assert answer.mimetype == "text/plain"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert len(answer.data.splitlines()) == 3000


def test_a_replica_of_another_name_is_not_there(at_alices, web_house):
    job_id = run_job(web_house.house)
    answer = at_alices.fragment(f"/jobs/{job_id}/lines?pod=../../../etc/passwd")
    assert answer.status_code == 404


def test_the_output_is_still_there_when_the_pods_are_gone(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house)
    house.write_log(job_id, "kept")
    house.end(job_id)
    page = lines_of(at_alices, job_id)
    assert page["ended"]
    assert page["lines"][0][1] == "kept"


def test_earlier_lines_end_where_the_newest_begin(at_alices, web_house):
    job_id = run_job(web_house.house)
    web_house.house.write_log(job_id, *(f"行 {number}" for number in range(1, 4502)))
    newest = at_alices.get(f"/jobs/{job_id}/lines").get_json()
    assert newest["first"] == 2502
    earlier = at_alices.get(f"/jobs/{job_id}/lines?before={newest['begin']}").get_json()
    assert (earlier["first"], len(earlier["lines"])) == (502, 2000)
    assert [line[1] for line in earlier["lines"][::1999]] == ["行 502", "行 2501"]
    first = at_alices.get(f"/jobs/{job_id}/lines?before={earlier['begin']}").get_json()
    assert (first["first"], len(first["lines"])) == (1, 501)
    assert first["begin"] == "1:0:0"
    for void in ("", "1:0:0", "7:5:500", "x", "1:-1:-1"):
        assert at_alices.get(f"/jobs/{job_id}/lines?before={void}").get_json()["lines"] == []


def test_the_form_for_help_shows_what_goes_along(at_alices, web_house):
    job_id = submit_job(web_house.house, name="stuck", env={"API_TOKEN": "hunter2-hunter2"})
    assert f'href="/jobs/{job_id}/support"' in at_alices.page(f"/jobs/{job_id}")
    page = at_alices.page(f"/jobs/{job_id}/support")
    assert f"Job stuck ({job_id[:8]}) is queued" in page
    assert "API_TOKEN=(hidden)" in page
    assert "hunter2" not in page


def test_a_call_for_help_is_sent_and_a_wrong_one_keeps_what_was_typed(at_alices, web_house):
    job_id = submit_job(web_house.house, name="stuck")
    path = f"/jobs/{job_id}/support"
    wrong = at_alices.post(path, {"subject": "My <subject>", "message": " "})
    assert wrong.status_code == 422
    assert 'value="My &lt;subject&gt;"' in wrong.text
    assert "Required" in wrong.text
    sent = at_alices.post(path, {"subject": "Help", "message": "It hangs."})
    assert (sent.status_code, sent.location) == (303, f"/jobs/{job_id}")
    web_house.house.work()
    assert [mail.subject for mail in web_house.house.mailer.sent] == ["Help"]


def test_who_only_looks_cannot_ask_for_help(browse, web_house):
    job_id = submit_job(web_house.house)
    page = browse("vera").page(f"/jobs/{job_id}")
    assert f'href="/jobs/{job_id}/support"' not in page
    assert browse("vera").get(f"/jobs/{job_id}/support").status_code == 403
    assert browse("bob").get(f"/jobs/{job_id}/support").status_code == 404


def steps(page: str) -> list[str]:
    """The lines of the timeline as one reads them, without the times of day."""
    items = page.split('class="tl"')[1].split("</ol>")[0].split("<li")[1:]
    plain = [re.sub(r"<svg.*?</svg>|<time.*?</time>|<[^>]*>", " ", "<li" + item) for item in items]
    return [" ".join(text.split()) for text in plain]


def test_the_timeline_says_since_when_it_waits_and_where_it_runs(at_alices, web_house):
    house = web_house.house
    big = run_job(house, name="big", device_type=NPU, devices=8)
    waits = submit_job(house, name="waits", device_type=NPU, devices=8)
    house.work()
    queued, submitted = steps(at_alices.page(f"/jobs/{waits}"))
    assert queued.startswith("Queued #1 in queue ")
    assert submitted == "Job submitted by alice"
    assert steps(at_alices.page(f"/jobs/{big}"))[0].startswith("Running 8 devices on node-")
