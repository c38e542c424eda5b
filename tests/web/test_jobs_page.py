"""The lists of jobs (spec D1-D5)."""

from __future__ import annotations

import re

import pytest
from house import GPU, NPU
from web_pages import submit_job


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
    assert ">bob</td>" in page.replace("</span> bob", ">bob")


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
        headers={"HX-Request": "true"},
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
        f"/jobs/{job_id}/priority", {"priority": "180"}, headers={"HX-Request": "true"}
    )
    assert answer.get_json()["title"] == "Priority of a set to 180"
    assert web_house.house.job(job_id).spec.priority == 180


@pytest.mark.parametrize("value", ["0", "1001", "-1", "abc", "", "1.5", "99999999"])
def test_a_priority_out_of_range_is_refused(at_alices, submit, web_house, value):
    job_id = submit("a")
    answer = at_alices.post(
        f"/jobs/{job_id}/priority", {"priority": value}, headers={"HX-Request": "true"}
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
