"""The lists of jobs (spec D1-D5)."""

from __future__ import annotations

import csv
import html
import io
import re
from zoneinfo import ZoneInfo

import pytest
from house import GPU, NPU
from web_pages import run_job, submit_job


def names(page):
    return re.findall(r'data-name="([^"]+)"', page)


@pytest.fixture
def submit(web_house):
    def one(name, who="alice", **fields):
        return submit_job(web_house.house, who, name=name, **fields)

    return one


def test_my_jobs_are_mine_newest_first_in_any_state(at_alices, submit, web_house):
    first = submit("first")
    submit("second")
    submit("other", "bob")
    browser = at_alices
    browser.post("/jobs/actions", {"ids": first, "action": "kill"})
    assert names(browser.page("/jobs/")) == ["second", "first"]


def test_all_jobs_are_the_active_ones_of_everybody(browse, submit):
    ended = submit("ended")
    submit("mine")
    submit("other", "bob")
    browse("alice").post("/jobs/actions", {"ids": ended, "action": "kill"})
    page = browse("vera").page("/jobs/all")
    assert names(page) == ["other", "mine"]
    assert "</span>bob</span></td>" in page


def test_all_jobs_are_grouped_and_sorted_within_each_group_over_pages(browse, web_house):
    house = web_house.house
    for n in range(2):
        run_job(house, name=f"run_{n}")
    paused = submit_job(house, name="rest", priority=900)
    browse("alice").post("/jobs/actions", {"ids": paused, "action": "pause"})
    for n in range(16):
        submit_job(house, "bob", name=f"wait_{n:02}", priority=100 + n)
    first = browse("vera").page("/jobs/all?sort=-priority")
    assert sorted(names(first)[:2]) == ["run_0", "run_1"]
    assert names(first)[2:] == [f"wait_{n:02}" for n in range(15, 2, -1)]
    assert re.findall(
        r'data-group="(\w+)">\s*([^<]+?) <span class="cnt" data-size>(\d+)', first
    ) == [
        ("running", "Running", "2"),
        ("waiting", "Queued and scheduling", "16"),
    ]
    second = browse("vera").page("/jobs/all?sort=-priority&page=2")
    assert names(second) == ["wait_02", "wait_01", "wait_00", "rest"]
    assert re.findall(r'<th [^>]*data-group="(\w+)"', second) == ["waiting", "paused"]


def test_the_time_of_submission_is_in_the_address_and_in_the_readers_zone(browse, web_house):
    house, browser = web_house.house, browse("alice")
    submit_job(house, name="yesterday")
    house.advance(86_400)
    submit_job(house, name="now")
    today = house.now.astimezone(ZoneInfo("Asia/Shanghai"))
    assert names(browser.page("/jobs/?time=1h")) == ["now"]
    browser.client.set_cookie("zone", "Asia/Shanghai")
    hour = today.replace(minute=0).strftime("%Y-%m-%dT%H:%M")
    page = browser.page(f"/jobs/?after={hour}")
    assert names(page) == ["now"]
    assert f'name="after" value="{hour}"' in page
    assert names(browser.page(f"/jobs/?before={hour}&sort=name")) == ["yesterday"]
    assert "No job matches" in browser.page("/jobs/?time=1h&q=yesterday")


def test_csv_has_the_lists_filters_and_no_formulas(browse, submit):
    submit("kept", device_type=GPU, devices=2)
    submit("other")
    submit("bobs", "bob")
    answer = browse("alice").get("/jobs/jobs.csv?q=kept")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["Name"], row["User"], row["Number of Device"]) for row in rows] == [
        ("kept", "alice", "2")
    ]
    assert browse("alice").get("/jobs/all/jobs.csv").status_code == 403
    every = browse("vera").page("/jobs/all/jobs.csv")
    assert len(every.splitlines()) == 4


def test_news_of_a_list_counts_what_came_since_it_was_shown(browse, submit, web_house):
    submit("before")
    page = browse("alice").page("/jobs/?q=o")
    address = html.unescape(re.search(r'data-news="([^"]+)"', page)[1])
    assert browse("alice").get(address).get_json()["new"] == 0
    submit("one_more")
    submit("unlike")
    found = browse("alice").get(address).get_json()
    assert (found["text"], found["counts"]) == ("1 new job", {"mine": 3})


def test_the_list_is_that_of_the_current_virtual_cluster(at_alices, web_house):
    submit_job(web_house.house, name="elsewhere", vc="vision")
    assert names(at_alices.page("/jobs/")) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=gpu", ["gpu_b", "gpu_a"]),
        ("status=queued", ["gpu_b", "npu"]),
        ("status=paused", ["gpu_a"]),
        ("status=active", ["gpu_b", "npu", "gpu_a"]),
        ("status=finished", []),
        (f"device_type={NPU}", ["npu"]),
        ("sort=name", ["gpu_a", "gpu_b", "npu"]),
        ("sort=-priority", ["npu", "gpu_b", "gpu_a"]),
        ("status=nonsense&sort=nonsense&page=x&limit=7", ["gpu_b", "npu", "gpu_a"]),
    ],
)
def test_search_filters_and_order_are_in_the_address(at_alices, submit, query, found):
    paused = submit("gpu_a", device_type=GPU, devices=1)
    submit("npu", device_type=NPU, devices=2, priority=500)
    submit("gpu_b", device_type=GPU, devices=1, priority=200)
    at_alices.post("/jobs/actions", {"ids": paused, "action": "pause"})
    assert names(at_alices.page(f"/jobs/?{query}")) == found


def test_pages(at_alices, submit):
    for number in range(17):
        submit(f"job_{number:02}")
    first = at_alices.page("/jobs/")
    assert len(names(first)) == 15
    assert "1–15 of 17" in first
    assert 'href="/jobs/?page=2"' in first
    second = at_alices.page("/jobs/?page=2")
    assert names(second) == ["job_01", "job_00"]
    assert 'href="/jobs/"' in second


def test_an_empty_list_says_what_is_free(at_alices):
    page = at_alices.page("/jobs/")
    assert "No jobs in platform yet" in page
    assert "8 of 8 huawei_npu_arm64 are free now." in page or "4 of 4 nvidia" in page


def test_no_match_says_what_was_looked_for(at_alices, submit):
    submit("here")
    page = at_alices.page("/jobs/?q=horovd&status=paused")
    assert "No job matches “horovd”" in page
    assert "Status: Paused" in page


def test_markup_in_a_search_is_text(at_alices):
    assert "<script>alert" not in at_alices.page("/jobs/?q=<script>alert(1)</script>")


def test_several_at_once_and_what_was_refused(at_alices, submit):
    running, killed = submit("a"), submit("b")
    at_alices.post("/jobs/actions", {"ids": killed, "action": "kill"})
    answer = at_alices.client.post(
        "/jobs/actions",
        data={"csrf_token": at_alices.csrf(), "ids": [running, killed], "action": "pause"},
        headers={"X-Requested-With": "script"},
    )
    toasts = answer.get_json()["toasts"]
    assert [toast["kind"] for toast in toasts] == ["ok", "dng"]
    assert toasts[0]["title"] == "1 job is pausing"
    assert toasts[1]["title"] == "1 job was left as it is"


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("kill", "killed")])
def test_acts_without_a_script_come_back(at_alices, submit, web_house, action, state):
    job_id = submit("a")
    answer = at_alices.post(
        "/jobs/actions", {"ids": job_id, "action": action, "next": "/jobs/?q=a"}
    )
    assert (answer.status_code, answer.location) == (303, "/jobs/?q=a")
    assert web_house.house.state(job_id) == state


def test_an_action_that_is_none(at_alices, submit):
    answer = at_alices.post("/jobs/actions", {"ids": submit("a"), "action": "explode"})
    assert answer.status_code == 422


def test_acts_need_the_token_of_the_form(at_alices, submit, web_house):
    job_id = submit("a")
    answer = at_alices.client.post("/jobs/actions", data={"ids": job_id, "action": "kill"})
    assert answer.status_code == 400
    assert web_house.house.state(job_id) == "queued"


def test_the_priority_is_changed_in_place(at_alices, submit, web_house):
    job_id = submit("a")
    answer = at_alices.post(
        f"/jobs/{job_id}/priority", {"priority": "180"}, headers={"X-Requested-With": "script"}
    )
    assert answer.get_json()["title"] == "Priority of a set to 180"
    assert web_house.house.job(job_id).spec.priority == 180


def test_a_clash_says_who_changed_it(browse, submit, web_house):
    job_id = submit("a")
    browse("mona").post(f"/jobs/{job_id}/priority", {"priority": "700"})
    answer = browse("alice").post(
        f"/jobs/{job_id}/priority",
        {"priority": "5", "was": "100"},
        headers={"X-Requested-With": "script"},
    )
    assert answer.status_code == 409
    assert answer.get_json()["detail"] == "mona has set it to 700."
    assert web_house.house.job(job_id).spec.priority == 700
    again = browse("alice").post(f"/jobs/{job_id}/priority", {"priority": "5", "was": "700"})
    assert again.status_code == 303


def test_a_job_that_somebody_killed_says_who(browse, submit):
    job_id = submit("gone")
    browse("mona").post("/jobs/actions", {"ids": job_id, "action": "kill"})
    answer = browse("alice").post(
        "/jobs/actions", {"ids": job_id, "action": "pause"}, headers={"X-Requested-With": "script"}
    )
    assert answer.get_json()["toasts"][0]["text"] == "gone: Killed. Killed by mona."


@pytest.mark.parametrize("value", ["0", "1001", "-1", "abc", "", "1.5", "99999999"])
def test_a_priority_out_of_range_is_refused(at_alices, submit, web_house, value):
    job_id = submit("a")
    answer = at_alices.post(
        f"/jobs/{job_id}/priority", {"priority": value}, headers={"X-Requested-With": "script"}
    )
    assert answer.status_code == 422
    assert web_house.house.job(job_id).spec.priority == 100


def test_the_priority_of_others_is_theirs(browse, submit, web_house):
    job_id = submit("a")
    answer = browse("vera").post(f"/jobs/{job_id}/priority", {"priority": "5"})
    assert answer.status_code == 403
    assert web_house.house.job(job_id).spec.priority == 100


def test_rows_are_fetched_by_id_and_only_visible_ones(browse, submit):
    mine, other = submit("mine"), submit("other", "bob")
    rows = browse("alice").page(f"/jobs/rows?id={mine}&id={other}&id=nonsense")
    assert names(rows) == ["mine"]
    assert "<html" not in rows


def test_one_priority_for_several_and_back_again(browse, web_house):
    house = web_house.house
    first = submit_job(house, "alice", name="first", priority=100)
    other = submit_job(house, "bob", name="other", priority=120)
    alice = browse("alice")
    sent = {"ids": [first, other], "priority": ["300", "300"]}
    answer = alice.post("/jobs/priorities", sent).get_json()
    assert [one["id"] for one in answer["changed"]] == [first]
    done, refused = answer["toasts"]
    assert done["title"] == "Priority of 1 job set to 300"
    assert done["undo"] == {"ids": [first], "priorities": [100], "was": [300]}
    assert refused["title"] == "1 job was left as it is"
    assert house.job(first).spec.priority == 300
    assert house.job(other).spec.priority == 120
    back = {"ids": [first], "priority": ["100"], "was": ["300"]}
    assert alice.post("/jobs/priorities", back).get_json()["changed"][0]["priority"] == 100


def test_a_priority_that_somebody_changed_meanwhile_is_not_taken_back(browse, web_house):
    job_id = submit_job(web_house.house, "alice", priority=500)
    back = {"ids": [job_id], "priority": ["100"], "was": ["300"]}
    answer = browse("alice").post("/jobs/priorities", back).get_json()
    assert answer["changed"] == []
    assert answer["toasts"][0]["kind"] == "dng"


@pytest.mark.parametrize("value", ["", "0", "1001", "x", "1.5"])
def test_a_wrong_priority_changes_nothing(at_alices, web_house, value):
    job_id = submit_job(web_house.house)
    answer = at_alices.post("/jobs/priorities", {"ids": [job_id], "priority": [value]})
    assert answer.status_code == 422
    assert "1 to 1000" in answer.get_json()["detail"]


def test_hidden_columns_stay_hidden(at_alices, web_house):
    submit_job(web_house.house)
    assert 'class="tbl jobs"' in at_alices.page("/jobs/")
    sent = {"of": ["started", "finished", "priority"], "show": ["priority"], "next": "/jobs/"}
    assert at_alices.post("/preferences/columns", sent).location == "/jobs/"
    page = at_alices.page("/jobs/")
    assert 'class="tbl jobs no-started no-finished"' in page
    sent = {"of": ["started"], "show": ["started"], "next": "/jobs/"}
    at_alices.post("/preferences/columns", sent)
    assert 'class="tbl jobs no-finished"' in at_alices.page("/jobs/")


def test_chips_count_what_the_other_filters_leave(at_alices, web_house):
    house = web_house.house
    submit_job(house, name="waits")
    run_job(house, name="runs")
    house.end(run_job(house, name="ended"))
    page = at_alices.page("/jobs/")
    found = re.findall(r'class="fchip"[^>]*data-group="(\w+)".*?data-size>(\d+)<', page)
    assert found == [("all", "3"), ("active", "2"), ("finished", "1"), ("failed", "0")]
    page = at_alices.page("/jobs/?status=finished&q=ended")
    found = re.findall(r'class="fchip"[^>]*data-group="(\w+)".*?data-size>(\d+)<', page)
    assert found == [("all", "1"), ("active", "0"), ("finished", "1"), ("failed", "0")]


def test_a_chip_stays_on_when_another_filter_is_chosen_in_the_form(browse, submit):
    submit("a")
    page = browse("alice").page("/jobs/?status=active")
    assert '<option value="active">Other</option>' in page
    assert '<option value="finished"' not in page


def test_states_without_a_chip_are_behind_other(browse, submit, web_house):
    job_id = submit("a")
    browser = browse("alice")
    browser.post("/jobs/actions", {"ids": job_id, "action": "kill"})
    page = browser.page("/jobs/?status=killed&q=a")
    assert names(page) == ["a"]
    assert '<option value="killed" selected>Status: Killed</option>' in page
    assert 'class="off" href="/jobs/?q=a"' in page
    assert page.count('class="fchip"') == 4
    assert not re.search('class="fchip"[^>]+aria-current', page)
    assert '<option value="queued" selected>Status: Queued' in browser.page(
        "/jobs/?status=queued&q="
    )


def test_a_filter_of_all_jobs_is_removed_by_one_link(browse, submit):
    submit("a")
    page = browse("vera").page("/jobs/all?status=waiting&time=between&after=2020-01-01T00:00")
    assert '<option value="waiting" selected>Status: Waiting</option>' in page
    off = [html.unescape(href) for href in re.findall(r'class="off" href="([^"]+)"', page)]
    assert "/jobs/all?status=waiting" in off
    assert any("status" not in href and "after=" in href for href in off)
