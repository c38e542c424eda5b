"""Who sees which page (spec A2, B2, D10, G6) and what a request costs."""

from __future__ import annotations

import pytest
from flask import g
from sqlalchemy import event

from portal.domain.permission import Permission
from portal.http.access import allowed
from portal.people.grants import PERMISSION_VIEW, load_grants

PAGES = ("/", "/submit/", "/jobs/", "/jobs/all", "/home/cards", "/events")


@pytest.mark.parametrize("path", PAGES)
def test_without_a_role_every_page_says_so(browse, path):
    answer = browse("newcomer").get(path)
    assert answer.status_code == 403
    assert "Sorry, you are not authorized to access this page" in answer.text
    assert "Your account has no role yet" in answer.text


def test_it_says_how_to_ask_an_administrator(browse):
    for reader, path in (("newcomer", "/"), ("alice", "/dashboard/")):
        assert 'href="mailto:ops@example.org"' in browse(reader).get(path).text
    assert "mailto:" not in browse("alice").get("/nothing").text


def test_the_words_are_those_of_the_manual(browse):
    answer = browse("newcomer").get("/", headers={"Accept-Language": "zh-CN"})
    assert "抱歉，您无权访问该页面" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_sent_to_sign_in(browse, path):
    answer = browse().get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/login/?next=")


def test_a_script_of_somebody_signed_out_is_told_so(browse):
    assert browse().fragment("/home/cards").status_code == 401


def test_a_permission_that_is_missing_is_named(browse):
    answer = browse("vera").get("/submit/")
    assert answer.status_code == 403
    assert "needs the permission <b>Submit training job</b>" in answer.text


def test_the_menu_holds_what_one_may_open(browse):
    assert 'href="/submit/"' not in browse("vera").page("/")
    page = browse("alice").page("/")
    assert 'href="/submit/"' in page
    for not_there_yet in ("Cluster Status", "Inference", "USER DASHBOARD"):
        assert not_there_yet not in page


def test_somebody_elses_job_is_not_there(browse, web_house):
    job_id = web_house.house.submit("alice")
    for path in ("", "/head", "/brief", "/bar", "/console", "/lines", "/find", "/log"):
        assert browse("bob").get(f"/jobs/{job_id}{path}").status_code == 404, path
        assert browse("alice").get(f"/jobs/{job_id}{path}").status_code == 200, path
        assert browse("vera").get(f"/jobs/{job_id}{path}").status_code == 200, path


def test_looking_is_not_managing(browse, web_house):
    job_id = web_house.house.submit("alice")
    assert 'value="kill"' not in browse("vera").page(f"/jobs/{job_id}").split("kill-dialog")[0]
    answer = browse("vera").post("/jobs/actions", {"ids": job_id, "action": "kill"})
    assert answer.status_code == 303
    assert web_house.house.state(job_id) == "queued"
    browse("mona").post("/jobs/actions", {"ids": job_id, "action": "kill"})
    assert web_house.house.state(job_id) in ("killing", "killed")


def test_the_list_of_everybody_needs_its_permission(browse):
    assert browse("alice").get("/jobs/all").status_code == 403
    assert "ALL JOBS" not in browse("alice").page("/jobs/")
    assert "ALL JOBS" in browse("vera").page("/jobs/all")


def test_permissions_cost_one_query(web_house):
    asked: list[str] = []
    with web_house.app.app_context():
        session = web_house.app.appbuilder.session
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", lambda c, cu, sql, *rest: asked.append(sql))
        given = load_grants(session, 6)
    assert len(asked) == 1
    assert "manage_users" in given.codes
    assert given.roles == ("role of root",)


@pytest.mark.parametrize(
    ("who", "permission", "answer"),
    [
        ("mona", "can_manage_all_jobs", True),
        ("mona", "can_view_all_jobs", True),  # managing them includes it
        ("vera", "can_view_all_jobs", True),
        ("vera", "can_manage_all_jobs", False),
        ("root", "can_manage_users", True),
        ("alice", "can_manage_users", False),
        ("newcomer", "can_submit_job", False),
    ],
)
def test_flask_appbuilder_gives_the_answer_that_our_pages_give(web_house, who, permission, answer):
    """A view that a plugin protects with ``@has_access`` opens to the same people."""
    with web_house.app.test_request_context():
        manager = web_house.app.appbuilder.sm
        g.user = manager.find_user(username=who)
        assert manager.has_access(permission, PERMISSION_VIEW) is answer
        assert allowed(Permission(permission.removeprefix("can_"))) is answer
        assert not manager.has_access(permission, "OtherView")


def test_who_is_not_signed_in_has_no_access(web_house):
    with web_house.app.test_request_context():
        assert not web_house.app.appbuilder.sm.has_access("can_submit_job", PERMISSION_VIEW)


def test_a_group_gives_its_roles(web_house):
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        manager.add_group("lab", "lab", "", roles=[manager.find_role("User")])
        group = manager.find_group("lab")
        group.users.append(manager.find_user(username="newcomer"))
        manager.session.commit()
        given = load_grants(manager.session, 7)
    assert given.groups == frozenset({"lab"})
    assert given.codes == {"submit_job", "view_vc", "view_cluster", "view_all_jobs"}


def test_another_virtual_cluster_can_be_chosen_and_stays(at_alices, browse):
    assert 'class="trunc">platform</span>' in at_alices.page("/")
    at_alices.post("/preferences/virtual-cluster", {"vc": "vision", "next": "/jobs/"})
    assert 'class="trunc">vision</span>' in browse("alice").page("/")


def test_a_virtual_cluster_of_others_cannot_be_chosen(browse):
    answer = browse("carol").post("/preferences/virtual-cluster", {"vc": "vision"})
    assert answer.status_code == 404
