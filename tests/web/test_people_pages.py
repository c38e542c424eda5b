"""The USER DASHBOARD's pages (G1–G7): who gets in, the wizards, refusals in words."""

from __future__ import annotations

import pytest
from house import GPU, IDS, actor
from web_pages import run_job, submit_job

from portal.models.db import session

PAGES = (
    *("/dashboard/", "/dashboard/users/", "/dashboard/users/new/", "/dashboard/users/1"),
    *("/dashboard/users/1/roles", "/dashboard/users/1/groups", "/dashboard/users/1/delete"),
    *("/dashboard/groups/", "/dashboard/groups/new/", "/dashboard/roles/", "/dashboard/roles/new"),
    *("/dashboard/roles/3", "/dashboard/roles/3/users", "/dashboard/roles/3/groups"),
    *("/dashboard/audit/", "/dashboard/users/1/disable"),
)


@pytest.fixture
def admin(browse, web_house):
    """Root, as a System Admin."""
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        root = manager.find_user(username="root")
        root.roles.append(manager.find_role("System Admin"))
        manager.session.commit()
    return browse("root")


def rows(*names: str) -> dict[str, str]:
    return {
        f"users.{n}.{field}": value
        for n, name in enumerate(names)
        for field, value in (
            ("username", name),
            ("nickname", name.title()),
            ("password", "a long password"),
        )
    }


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_shows(admin, path, language):
    admin.client.set_cookie("language", language)
    assert "</html>" in admin.page(path)


@pytest.mark.parametrize("path", PAGES)
def test_only_managers_get_in(browse, path):
    for name in ("alice", "mona", "newcomer"):
        assert browse(name).get(path).status_code == 403
    assert browse().get(path).status_code == 302


def test_the_way_there_shows_only_for_managers(admin, browse):
    assert "USER DASHBOARD" in admin.page("/")
    assert "USER DASHBOARD" not in browse("alice").page("/")


def test_new_users_all_or_none(admin):
    wrong = {**rows("nina", "alice"), "roles": "User"}
    answer = admin.post("/dashboard/users/new/", wrong)
    assert answer.status_code == 422
    assert "This username is taken" in answer.text
    assert 'value="nina"' in answer.text
    assert "a long password" not in answer.text
    assert admin.post("/dashboard/users/new/", {**rows("nina", "otto"), "roles": "User"}).location
    assert "otto" in admin.page("/dashboard/users/?q=otto")


def test_a_step_is_checked_before_the_next(admin):
    first = admin.post("/dashboard/users/new/check?step=1", {**rows("nina")})
    assert first.status_code == 200
    second = admin.post("/dashboard/users/new/check?step=2", rows("nina"))
    assert second.get_json()["errors"].keys() == {"roles"}
    gap = {"users.4.username": "x", "users.4.nickname": "X", "users.4.password": "a long password"}
    errors = admin.post("/dashboard/users/new/check?step=1", gap).get_json()["errors"]
    assert errors.keys() == {"users.4.username"}


def test_errors_are_in_the_readers_language(admin):
    admin.client.set_cookie("language", "zh")
    answer = admin.post("/dashboard/users/new/check?step=1", rows("alice"))
    assert answer.get_json()["errors"] == {"users.0.username": ["此用户名已被使用"]}


def test_a_group_and_its_members(admin):
    fields = {"name": "lab", "description": "Our lab", "roles": "User"}
    made = admin.post("/dashboard/groups/new/", fields)
    assert made.status_code == 303
    page = made.location
    admin.post(f"{page}/users", {"chosen": [str(IDS["newcomer"]), str(IDS["carol"])]})
    assert "newcomer" in admin.page(page)
    admin.post(f"{page}/users", {"chosen": str(IDS["carol"]), "before": list(map(str, (7, 3)))})
    assert "newcomer" not in admin.page(page)
    assert "carol" in admin.page(page)
    again = admin.post("/dashboard/groups/new/", fields)
    assert again.status_code == 422
    assert admin.post(f"{page}/delete", {"next": "/dashboard/groups/"}).status_code == 303
    assert admin.get(page).status_code == 404


def test_a_role_is_made_changed_given_and_deleted(admin, browse):
    fields = {"name": "Eyes", "description": "Looks", "permissions": ["view_vc"]}
    page = admin.post("/dashboard/roles/new", fields).location
    assert admin.post(page, {**fields, "permissions": []}).status_code == 422
    admin.post(page, {**fields, "permissions": ["view_vc", "submit_job"]})
    admin.post(f"{page}/users", {"chosen": str(IDS["newcomer"])})
    assert browse("newcomer").get("/submit/").status_code == 200
    admin.post(f"{page}/users", {"before": str(IDS["newcomer"])})
    assert browse("newcomer").get("/submit/").status_code == 403
    assert admin.post(f"{page}/delete").status_code == 303
    assert admin.get(page).status_code == 404


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"/dashboard/users/{IDS['root']}/delete", "You cannot delete your own account"),
        ("/dashboard/roles/3/delete", "Preset roles cannot be changed or deleted"),
    ],
)
def test_a_refusal_says_why(admin, path, said):
    answer = admin.post(path, {"next": "/dashboard/users/"}, follow_redirects=True)
    assert said in answer.text


def test_a_user_is_changed_disabled_and_deleted(admin, browse):
    page = f"/dashboard/users/{IDS['carol']}"
    admin.post(page, {"nickname": "Carola", "phone": "", "email": "c@x.org"})
    assert "Carola" in admin.page(page)
    wrong = admin.post(page, {"nickname": "Carola", "phone": "", "email": "nonsense"})
    assert wrong.status_code == 422
    assert 'value="nonsense"' in wrong.text
    admin.post(f"{page}/active", {"active": "false"})
    assert browse("carol").get("/").status_code == 302
    assert admin.post(f"{page}/delete").status_code == 303
    assert admin.get(page).status_code == 404


def test_the_audit_log_is_searched(admin):
    admin.post("/dashboard/users/new/", {**rows("nina"), "roles": "User"})
    assert "created the user nina" in admin.page("/dashboard/audit/?q=nina&object_type=user")
    assert "created the user nina" not in admin.page("/dashboard/audit/?actor=alice")
    assert "created the user nina" not in admin.page("/dashboard/audit/?to=2000-01-01&from=x")
    assert "a long password" not in admin.page("/dashboard/audit/")


def test_a_search_of_the_audit_log_without_a_match_offers_a_way_back(admin):
    nothing = admin.page("/dashboard/audit/?q=nobody").split('class="empty"')[1]
    assert "No entry matches “nobody”" in nothing
    assert 'href="/dashboard/audit/"' in nothing.split("</section>")[0]
    assert "No entry matches<" in admin.page("/dashboard/audit/?actor=nobody")


def test_a_time_that_ends_before_it_begins_is_said(admin):
    page = admin.page("/dashboard/audit/?from=2026-11-20&to=2026-11-01")
    assert "The end must not be before the beginning" in page
    assert "before the beginning" not in admin.page("/dashboard/audit/?from=2026-11-20")


def test_what_managers_do_to_the_jobs_of_others_is_in_the_log(browse, web_house):
    job_id = web_house.house.submit("alice")
    mona = browse("mona")
    mona.post(f"/jobs/{job_id}/priority", {"priority": "7"})
    mona.post("/jobs/actions", {"ids": job_id, "action": "kill"})
    at_alices = browse("alice")
    own = web_house.house.submit("alice")
    at_alices.post("/jobs/actions", {"ids": own, "action": "kill"})
    found = web_house.caller("root").get("/audit?object_type=job").get_json()["items"]
    assert [(entry["actor"], entry["action"], entry["object"]) for entry in found] == [
        ("mona", "job.kill", job_id),
        ("mona", "job.priority", job_id),
    ]
    assert found[0]["after"] == {"name": "train", "user": "alice"}
    assert (found[1]["before"]["priority"], found[1]["after"]["priority"]) == (100, 7)
    page = browse("root").page("/dashboard/audit/?object_type=job")
    assert f"killed the job {job_id}" in page
    at_alices.client.set_cookie("language", "zh")
    assert "由 mona 操作：已终止。" in at_alices.page(f"/jobs/{job_id}")


def test_roles_are_searched_and_come_in_pages(admin, web_house):
    root = web_house.caller("root")
    for number in range(20):
        role = {"name": f"team {number:02}", "description": "d", "permissions": ["view_vc"]}
        assert root.post("/roles", role).status_code == 201
    assert "team 19" not in admin.page("/dashboard/roles/")
    assert "team 19" in admin.page("/dashboard/roles/?page=2")
    page = admin.page("/dashboard/roles/?q=TEAM 07")
    assert "team 07" in page
    assert "team 08" not in page
    assert "No role matches" in admin.page("/dashboard/roles/?q=nothing")


def open_jobs_of_alice(house) -> dict[str, str]:
    made = {"runs": run_job(house, device_type=GPU, devices=4, name="runs")}
    made["pauses"] = submit_job(house, device_type=GPU, devices=1, name="pauses")
    with session():
        house.portal.jobs.act(actor("alice"), made["pauses"], "pause")
    for name in ("first", "second"):
        made[name] = submit_job(house, device_type=GPU, devices=1, name=name)
    made["bobs"] = submit_job(house, "bob", device_type=GPU, devices=1)
    house.end(run_job(house, name="over"))
    return made


def states(house, made: dict[str, str]) -> dict[str, str]:
    return {name: house.state(job_id) for name, job_id in made.items()}


def test_disabling_an_account_says_what_becomes_of_its_jobs(admin, web_house):
    user = f"/dashboard/users/{IDS['alice']}"
    assert f'href="{user}/disable"' not in admin.page(user), "there is nothing to say"
    made = open_jobs_of_alice(web_house.house)
    assert f'href="{user}/disable"' in admin.page(user)
    asked = admin.page(f"{user}/disable")
    assert "Its jobs: 1 running, 2 waiting, 1 paused." in asked
    assert 'name="kill"' in asked
    answer = admin.post(f"{user}/active", {"active": "false"})
    assert (answer.status_code, answer.location) == (303, user)
    assert states(web_house.house, made) == {
        "runs": "running",
        "pauses": "paused",
        "first": "queued",
        "second": "queued",
        "bobs": "queued",
    }
    later = admin.page(user)
    assert "Its jobs: 1 running, 2 waiting, 1 paused." in later
    assert admin.post(f"{user}/jobs/kill").status_code == 303
    web_house.house.work()
    now = states(web_house.house, made)
    assert now.pop("bobs") in ("queued", "scheduling")
    assert set(now.values()) == {"killed"}
    assert "Its jobs" not in admin.page(user)


def test_an_account_can_be_disabled_and_its_jobs_killed_in_one(admin, web_house):
    made = open_jobs_of_alice(web_house.house)
    user = f"/dashboard/users/{IDS['alice']}"
    answer = admin.post(f"{user}/active", {"active": "false", "kill": "true"})
    assert answer.status_code == 303
    assert "4 jobs are being killed" in admin.page(user)
    web_house.house.work()
    assert [state for name, state in states(web_house.house, made).items() if name != "bobs"] == (
        ["killed"] * 4
    )
    killed = admin.page("/dashboard/audit/?q=alice")
    assert "killed the job" in admin.page("/dashboard/audit/")
    assert "changed the user" in killed


def test_an_account_that_stays_enabled_keeps_its_jobs(admin, web_house):
    """Nobody disables himself, and what is refused kills nothing."""
    mine = submit_job(web_house.house, "root")
    root = f"/dashboard/users/{IDS['root']}"
    admin.post(f"{root}/active", {"active": "false", "kill": "true"})
    assert web_house.house.state(mine) == "queued"
    made = open_jobs_of_alice(web_house.house)
    alice = f"/dashboard/users/{IDS['alice']}"
    admin.post(f"{alice}/active", {"active": "true", "kill": "true"})
    assert states(web_house.house, made)["first"] == "queued"
