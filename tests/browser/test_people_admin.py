"""The USER DASHBOARD in Chromium, in English and 中文 (G5, G6): the role page, deleting."""

from __future__ import annotations

import pytest
from house import IDS
from playwright.sync_api import expect

SEVEN = (
    *("Submit training job", "Manage VC", "View VC", "View all users' jobs"),
    *("View and manage all users' jobs", "View cluster status", "Manage user"),
)


def test_a_role_is_made_of_seven_permissions(at_dashboard, web_house, say):
    page = at_dashboard
    page.goto("/dashboard/roles/new")
    boxes = page.locator("[data-role-form] [name=permissions]")
    expect(boxes).to_have_count(7)
    for number, permission in enumerate(SEVEN):
        label = page.locator("[data-role-form] label.opt .m").nth(number)
        expect(label).to_have_text(say(permission))
    page.get_by_label(say("Role name")).fill("Operator")
    page.locator("#f-description").fill("Keeps jobs going")
    look, manage = page.locator("[value=view_all_jobs]"), page.locator("[value=manage_all_jobs]")
    count = page.locator("[data-role-count]")
    manage.check()
    expect(look).to_be_checked()
    expect(look).to_have_attribute("aria-disabled", "true")
    expect(page.locator("[data-included]")).to_be_visible()
    expect(count).to_have_text(say("%s of 7", 2))
    look.press("Space")  # it is included: it stays
    expect(look).to_be_checked()
    manage.uncheck()
    expect(look).not_to_be_checked()
    expect(look).to_have_attribute("aria-disabled", "false")
    look.check()
    manage.check()
    manage.uncheck()
    expect(look).to_be_checked()  # as it was chosen for itself
    manage.check()
    page.get_by_role("button", name=say("Save")).click()
    expect(page.get_by_text(say("The role %s is saved", "Operator"))).to_be_visible()
    items = web_house.caller("root").get("/roles?q=operator").get_json()["items"]
    assert items[0]["permissions"] == ["view_all_jobs", "manage_all_jobs"]
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    page.locator("[value=view_cluster]").check()
    expect(page.locator("[data-unsaved]")).to_have_text(say("1 unsaved change"))
    page.locator("#f-description").fill("Keeps all going")
    expect(page.locator("[data-unsaved]")).to_have_text(say("%s unsaved changes", 2))
    page.get_by_role("button", name=say("Save")).click()
    expect(count).to_have_text(say("%s of 7", 3))


def test_preset_roles_are_fixed(at_dashboard, say):
    page = at_dashboard
    page.goto("/dashboard/roles/")
    page.get_by_role("link", name="System Admin", exact=True).click()
    for box in page.locator("[data-role-form] [name=permissions]").all():
        expect(box).to_be_checked()
        expect(box).to_be_disabled()
    assert page.get_by_role("button", name=say("Save")).count() == 0
    delete = page.get_by_role("button", name=say("Delete %s", "System Admin"))
    expect(delete).to_be_disabled()


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_deleting_asks_by_name(at_dashboard, web_house, say, kind):
    page, root = at_dashboard, web_house.caller("root")
    given = {"name": "speech-team", "description": "d"}
    made = {
        "user": lambda: (f"/users/{IDS['carol']}", "carol"),
        "group": lambda: (post(root, "/groups", {**given, "roles": ["User"]}), given["name"]),
        "role": lambda: (
            post(root, "/roles", {**given, "permissions": ["view_vc"]}),
            given["name"],
        ),
    }
    path, name = made[kind]()
    page.goto(f"/dashboard/{kind}s/")
    page.get_by_role("link", name=say("Delete %s", name)).click()
    question = page.get_by_role("heading", name=say(f"Delete the {kind} %s", name))
    expect(question).to_be_visible()
    page.get_by_role("link", name=say("Cancel")).click()
    assert root.get(path).status_code == 200
    page.get_by_role("link", name=say("Delete %s", name)).click()
    page.get_by_role("button", name=say(f"Delete {kind}")).click()
    expect(question).to_be_hidden()
    page.wait_for_url(f"**/dashboard/{kind}s/")
    assert root.get(path).status_code == 404


def post(caller, path: str, body: dict) -> str:
    answer = caller.post(path, body)
    assert answer.status_code == 201, answer.text
    return f"{path}/{answer.get_json()['id']}"
