"""The search palette: what it finds, and for whom."""

from __future__ import annotations

import re

from web_pages import run_job, submit_job, tidy


def hits(browser, text):
    answer = browser.fragment(f"/search/?q={text}")
    assert answer.status_code == 200
    return re.findall(r'<a [^>]*href="(?:/jobs/)?([^"]+)"', tidy(answer.text))


def test_jobs_by_name_and_id_of_whom_one_may_see(browse, web_house):
    house = web_house.house
    mine, other = submit_job(house, name="horovod"), run_job(house, "bob", name="horovod_b")
    ended = submit_job(house, "bob", name="horovod_old")
    browse("bob").post("/jobs/actions", {"ids": ended, "action": "kill"})
    assert hits(browse("alice"), "OROVO") == [mine]
    assert hits(browse("alice"), other[:8]) == []
    assert hits(browse("vera"), "horovod") == [other, mine]
    assert hits(browse("vera"), ended[:8].upper()) == [ended]


def test_pages_and_nodes_that_one_may_open(browse):
    assert "node=node-1" in "".join(hits(browse("root"), "node-"))
    assert hits(browse("alice"), "node-") == []
    assert hits(browse("alice"), "account") == ["/account/"]
    assert "/cluster/usage" not in "".join(hits(browse("alice"), ""))
    assert hits(browse("root"), "cluster%20usage") == ["/cluster/usage"]


def test_nothing_found_says_so_and_markup_is_text(at_alices):
    page = at_alices.fragment("/search/?q=<b>x").text
    assert "Nothing matches “&lt;b&gt;x”" in page


def test_without_a_script_it_is_the_list_of_jobs(at_alices):
    assert at_alices.get("/search/?q=x y").location == "/jobs/?q=x+y"


def test_device_types_lead_to_their_nodes(browse):
    assert hits(browse("root"), "npu_arm") == ["/cluster/nodes?q=huawei_npu_arm64"]
    assert hits(browse("alice"), "npu_arm") == []
    page = browse("root").page("/cluster/nodes?q=huawei_npu_arm64")
    assert "huawei_npu_arm64" in page
    assert "nvidia_gpu_amd64" not in page.split("<tbody>")[1]


def test_users_for_who_manages_them(browse):
    found = hits(browse("root"), "newcom")
    assert len(found) == 1
    assert found[0].startswith("/dashboard/users/")
    assert hits(browse("vera"), "newcom") == []
