"""Virtual Cluster (spec F1-F5)."""

from __future__ import annotations

import pytest
from house import GPU, NPU
from web_pages import run_job, submit_job, tidy

PAGE = "/virtual-clusters/"
SCRIPT = {"X-Requested-With": "script"}


@pytest.fixture
def at_roots(browse):
    return browse("root")


def vcs(web_house, name="root"):
    items = web_house.caller(name).get("/vcs").get_json()["items"]
    return {item["name"]: item for item in items}


def fields(**given):
    return {"quota_open": "1", "preempt_grace_s": "30", **given}


def test_the_list_for_who_looks_on(browse):
    page = browse("alice").page(PAGE)
    assert "platform" in page
    assert "vision" in page
    assert "Add VC" not in page
    assert "Modify" not in page
    assert browse("carol").page(PAGE).count("<tr>") == 2  # the head and platform
    assert "others" in browse("carol").page(PAGE)  # what a hidden VC holds shows as a number


@pytest.mark.parametrize(("name", "code"), [("vera", 403), ("newcomer", 403), ("alice", 200)])
def test_the_menu_shows_what_the_address_answers(browse, name, code):
    browser = browse(name)
    assert browser.get(PAGE).status_code == code
    if name != "newcomer":
        assert (f'href="{PAGE}"' in browser.page("/")) == (code == 200)


def test_only_managers_get_the_dialogs(browse):
    for path in ("add", "vision/modify", "vision/delete"):
        assert browse("alice").get(PAGE + path).status_code == 403
        assert browse("alice").post(PAGE + path, {"confirm": "vision"}).status_code == 403


def test_add(at_roots, web_house):
    at_roots.post(PAGE + "platform/modify", fields(**{f"quota.{GPU}": "1", f"quota.{NPU}": "8"}))
    sent = fields(
        **{
            "name": "speech",
            f"quota.{GPU}": "2",
            f"quota.{NPU}": "",
            "member": ["user:carol"],
            "member_new": "bob",
            f"user_limit.{GPU}": "1",
            "max_run_time": "36",
            "max_run_time_unit": "hours",
            "preempt_grace_s": "5",
        }
    )
    answer = at_roots.post(PAGE + "add", sent)
    assert (answer.status_code, answer.location) == (303, PAGE)
    made = vcs(web_house)["speech"]
    assert made["quota"] == {GPU: 2, NPU: 0}
    assert made["members"] == {"users": ["bob", "carol"], "groups": []}
    assert made["user_limit"] == {GPU: 1}
    assert (made["max_run_time_s"], made["preempt_grace_s"]) == (36 * 3600, 5)
    again = at_roots.page(PAGE + "speech/modify")
    for shown in ('value="36"', 'value="user:carol"', 'value="hours" selected', 'value="5"'):
        assert shown in again


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(at_roots, web_house):
    sent = fields(name="vision", **{f"quota.{GPU}": "0", "member_new": "nobody, bob"})
    answer = at_roots.post(PAGE + "add", sent, headers=SCRIPT)
    assert answer.status_code == 422
    assert "Not found: nobody" in answer.text
    assert 'value="user:bob"' in answer.text
    sent = fields(name="vision", **{f"quota.{GPU}": "0"})
    answer = at_roots.post(PAGE + "add", sent, headers=SCRIPT)
    assert "There is a virtual cluster of this name already." in answer.text
    sent = fields(name="new", **{f"quota.{GPU}": "3"})
    answer = at_roots.post(PAGE + "add", sent, headers=SCRIPT)
    assert "At most 0 remain (platform 4, vision 4)" in " ".join(answer.text.split())
    sent = fields(name="new", max_run_time="soon")
    answer = at_roots.post(PAGE + "add", sent, headers=SCRIPT)
    assert 'value="soon"' in answer.text
    assert "Must be a whole number from 1 to" in answer.text
    assert set(vcs(web_house)) == {"platform", "vision"}


def test_while_jobs_hold_devices_only_members_and_limits(at_roots, web_house):
    submit_job(web_house.house, vc="vision")
    web_house.house.work()
    page = at_roots.page(PAGE)
    assert "1 active" in page
    assert page.count("disabled") == 3  # vision: both; platform: the current one's delete
    assert page.count("Its jobs are running, scheduling, pausing or killing.") == 4
    form = at_roots.page(PAGE + "vision/modify")
    assert "The quota cannot be changed now." in form
    # A job that starts while the dialog is open: the sent quota is not taken, the rest is.
    sent = fields(**{f"quota.{GPU}": "1", "member": ["user:alice"]})
    assert at_roots.post(PAGE + "vision/modify", sent).status_code == 303
    changed = vcs(web_house)["vision"]
    assert changed["quota"] == {GPU: 4}
    assert changed["members"]["users"] == ["alice"]


def test_what_is_usable_while_nodes_are_missing(at_roots, browse, web_house):
    assert "usable now" not in at_roots.page(PAGE)
    assert web_house.caller("root").post("/cluster/nodes/node-1/cordon").status_code == 200
    assert at_roots.page(PAGE).count("0 usable now") == 2
    assert "0 / 4 to use, jobs wait; 0 usable now" in browse("alice").page("/submit/")


def test_delete_asks_for_the_name(at_roots, web_house):
    job_id = run_job(web_house.house, vc="vision")
    web_house.house.end(job_id)
    page = at_roots.get(PAGE + "vision/delete", headers=SCRIPT).text
    assert "4 members, " in page
    assert "the records of <b>1 job</b>." in page
    wrong = at_roots.post(PAGE + "vision/delete", {"confirm": "visio"}, headers=SCRIPT)
    assert wrong.status_code == 422
    assert "vision" in vcs(web_house)
    done = at_roots.post(PAGE + "vision/delete", {"confirm": "vision"}, headers=SCRIPT)
    assert done.get_json() == {"location": PAGE}
    assert set(vcs(web_house)) == {"platform"}
    assert at_roots.get(PAGE + "vision/delete").status_code == 404


def test_the_current_one_is_not_deleted(at_roots, web_house):
    assert "This is your current virtual cluster." in at_roots.page(PAGE)
    answer = at_roots.post(PAGE + "platform/delete", {"confirm": "platform"}, headers=SCRIPT)
    assert answer.status_code == 409
    assert "Switch to another one first." in answer.text
    assert "platform" in vcs(web_house)


def test_a_new_vc_moves_nobody_out_of_his(at_roots, browse, web_house):
    web_house.house.advance(5)
    assert at_roots.post(PAGE + "add", fields(name="a-first")).status_code == 303
    assert web_house.caller("carol").get("/me").get_json()["current_vc"] == "platform"


def test_the_live_part_alone(at_roots):
    whole, part = at_roots.page(PAGE), tidy(at_roots.fragment(PAGE + "list").text)
    assert "<html" not in part
    assert part.strip() in whole


def test_a_cut_asks_first_when_jobs_will_never_start_with_it(at_roots, web_house):
    house = web_house.house
    first = submit_job(house, vc="vision", device_type=GPU, devices=3, name="large")
    submit_job(house, vc="vision", device_type=GPU, devices=1, name="small")
    sent = fields(**{f"quota.{GPU}": "2"})
    asked = at_roots.post(PAGE + "vision/modify", sent, headers=SCRIPT)
    assert asked.status_code == 409
    said = " ".join(asked.text.split())
    assert "1 waiting or paused job needs more than that and will never start: large (alice)." in (
        said
    )
    assert 'name="unfit" value="1"' in asked.text
    assert f'name="quota.{GPU}" value="2"' in tidy(asked.text)
    assert vcs(web_house)["vision"]["quota"] == {GPU: 4}
    # Another one came meanwhile: it is asked about, too.
    submit_job(house, vc="vision", device_type=GPU, devices=4, name="later")
    again = at_roots.post(PAGE + "vision/modify", {**sent, "unfit": "1"}, headers=SCRIPT)
    assert "large (alice), later (alice)" in again.text
    assert at_roots.post(PAGE + "vision/modify", {**sent, "unfit": "2"}).status_code == 303
    assert vcs(web_house)["vision"]["quota"] == {GPU: 2}
    # Nobody is asked again about what is so already.
    assert at_roots.post(PAGE + "vision/modify", sent).status_code == 303
    reason = web_house.caller("alice").get(f"/jobs/{first}").get_json()["reason"]
    assert reason["code"] == "vc_quota_too_small"
