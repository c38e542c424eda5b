"""Nobody raises himself (G2–G6): a Manager who may nothing else tries every door for more.

His way in is the permission *Manager* alone; after each try he is asked what he may.
"""

from __future__ import annotations

import threading

import pytest
from house import IDS
from web_house import problem_of

from portal.people.administration import session
from portal.people.grants import load_grants

BOB = IDS["bob"]
NEW = {"username": "twin", "nickname": "Twin", "password": "a long password"}


@pytest.fixture
def ids(web_house) -> dict[str, int]:
    """Bob is a Manager; there are roles and groups above him and beside him."""
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        root = manager.find_user(username="root")
        root.roles.append(manager.find_role("System Admin"))
        manager.session.commit()
    admin = web_house.caller("root")

    def make(path, **body):
        answer = admin.post(path, {"description": "d", **body})
        assert answer.status_code == 201, answer.text
        return answer.get_json()["id"]

    found = {
        "manager": make("/roles", name="Manager", permissions=["manage_users"]),
        "above": make("/roles", name="Above", permissions=["submit_job", "view_vc"]),
        "empty": make("/groups", name="empty", roles=["Manager"]),
        "high": make("/groups", name="high", roles=["Above"]),
        "admins": make("/groups", name="admins", roles=["System Admin"]),
    }
    roles = admin.get("/roles?limit=200").get_json()["items"]
    found |= {role["name"]: role["id"] for role in roles}
    assert admin.patch(f"/users/{BOB}", {"roles": ["Manager"]}).status_code == 200
    return found


def held(web_house) -> tuple[set[str], set[str]]:
    with web_house.app.app_context():
        given = load_grants(session(), BOB)
        return set(given.codes), set(given.roles)


CALLS = {
    "a role with more": ("POST", "/roles", {"name": "x", "permissions": ["submit_job"]}),
    "a role with all": (
        "POST",
        "/roles",
        {"name": "x", "permissions": ["manage_users", "manage_all_jobs"]},
    ),
    "his own role, widened": (
        "PATCH",
        "/roles/{manager}",
        {"permissions": ["manage_users", "view_vc"]},
    ),
    "a role above, to be his": ("PATCH", "/roles/{above}", {"permissions": ["manage_users"]}),
    "deleting a role above": ("DELETE", "/roles/{above}", None),
    "himself, with a role above": ("PATCH", "/users/{bob}", {"roles": ["Manager", "Above"]}),
    "himself, System Admin": ("PATCH", "/users/{bob}", {"roles": ["System Admin"]}),
    "himself, into a group above": ("PATCH", "/users/{bob}", {"groups": ["high"]}),
    "himself, into the admins": ("PATCH", "/users/{bob}", {"groups": ["admins"]}),
    "a group above, with him": ("PATCH", "/groups/{high}", {"users": ["bob"]}),
    "his group, with a role above": ("PATCH", "/groups/{empty}", {"roles": ["Above"]}),
    "his group, System Admin": ("PATCH", "/groups/{empty}", {"roles": ["System Admin"]}),
    "a new group above, with him": (
        "POST",
        "/groups",
        {"name": "g", "roles": ["Above"], "users": ["bob"]},
    ),
    "a twin above him": ("POST", "/users", {**NEW, "roles": ["Above"]}),
    "a twin in a group above": ("POST", "/users", {**NEW, "groups": ["high"]}),
    "twins by the batch": ("POST", "/users/batch", {"users": [NEW], "roles": ["System Admin"]}),
    "the password of one above": (
        "PATCH",
        f"/users/{IDS['alice']}",
        {"password": "mine from now on"},
    ),
    "the address of one above": ("PATCH", f"/users/{IDS['root']}", {"email": "bob@evil.example"}),
    "disabling one above": ("PATCH", f"/users/{IDS['root']}", {"active": False}),
    "deleting one above": ("DELETE", f"/users/{IDS['alice']}", None),
    "Flask-AppBuilder's own role": ("PATCH", "/users/{bob}", {"roles": ["Admin"]}),
}


@pytest.mark.parametrize("what", CALLS)
def test_by_the_api(web_house, ids, what):
    method, path, body = CALLS[what]
    if path in ("/roles", "/groups"):
        body = {"description": "d", **body}
    before = held(web_house)
    answer = web_house.caller("bob").send(method, path.format(bob=BOB, **ids), json=body)
    problem_of(answer, 422 if "own role" in what and "Flask" in what else 403)
    assert held(web_house) == before == ({"manage_users"}, {"Manager"})
    names = [
        user["username"] for user in web_house.caller("root").get("/users").get_json()["items"]
    ]
    assert "twin" not in names
    assert web_house.caller("alice").get("/me").status_code == 200


FORMS = {
    "a role with more": (
        "/dashboard/roles/new",
        {"name": "x", "description": "d", "permissions": ["manage_users", "submit_job"]},
    ),
    "his own role, widened": (
        "/dashboard/roles/{manager}",
        {"name": "Manager", "description": "d", "permissions": ["manage_users", "view_vc"]},
    ),
    "a role above, to himself": ("/dashboard/roles/{above}/users", {"chosen": str(BOB)}),
    "System Admin, to himself": ("/dashboard/roles/{System Admin}/users", {"chosen": str(BOB)}),
    "a role above, to his group": ("/dashboard/roles/{above}/groups", {"chosen": "{empty}"}),
    "himself, with a role above": ("/dashboard/users/{bob}/roles", {"chosen": "Above"}),
    "himself, into a group above": ("/dashboard/users/{bob}/groups", {"chosen": "high"}),
    "a group above, with him": ("/dashboard/groups/{high}/users", {"chosen": str(BOB)}),
    "his group, with a role above": ("/dashboard/groups/{empty}/roles", {"chosen": "Above"}),
    "a new group above": (
        "/dashboard/groups/new/",
        {"name": "g", "description": "d", "roles": "Above"},
    ),
    "a twin by the wizard": (
        "/dashboard/users/new/",
        {**{f"users.0.{name}": value for name, value in NEW.items()}, "roles": "System Admin"},
    ),
    "the password of one above": (
        f"/dashboard/users/{IDS['alice']}",
        {"password": "mine from now on"},
    ),
    "disabling one above": (f"/dashboard/users/{IDS['root']}/active", {"active": "false"}),
    "deleting one above": (f"/dashboard/users/{IDS['alice']}/delete", {}),
}


@pytest.mark.parametrize("what", FORMS)
def test_by_the_pages(web_house, browse, ids, what):
    path, form = FORMS[what]
    named = {**ids, "bob": BOB}
    fields = {
        key: value.format(**named) if isinstance(value, str) else value
        for key, value in form.items()
    }
    answer = browse("bob").post(path.format(**named), {"next": "/dashboard/", **fields})
    assert answer.status_code in (303, 422), answer.text
    assert held(web_house) == ({"manage_users"}, {"Manager"})
    admin = web_house.caller("root")
    names = {user["username"]: user for user in admin.get("/users").get_json()["items"]}
    assert "twin" not in names
    assert names["alice"]["active"]
    assert names["root"]["active"]
    assert admin.get("/groups?q=g").get_json()["total"] == 1  # high
    for name, permissions in (("Manager", ["manage_users"]), ("Above", ["submit_job", "view_vc"])):
        (role,) = admin.get(f"/roles?q={name}").get_json()["items"]
        assert (role["permissions"], role["users"]) == (permissions, int(name == "Manager"))


def test_what_includes_another_permission_may_give_it(web_house, ids):
    """Managing all jobs includes seeing them: who has the one may give the other."""
    admin, bob = web_house.caller("root"), web_house.caller("bob")
    wide = {"permissions": ["manage_users", "manage_all_jobs"]}
    assert admin.patch(f"/roles/{ids['manager']}", wide).status_code == 200
    role = {"name": "Looks", "description": "d", "permissions": ["view_all_jobs"]}
    assert bob.post("/roles", role).status_code == 201
    problem_of(bob.post("/roles", {**role, "name": "y", "permissions": ["view_vc"]}), 403)


def test_two_system_admins_cannot_disable_each_other_at_once(web_house, ids):
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        vera = manager.find_user(username="vera")
        vera.roles.append(manager.find_role("System Admin"))
        manager.session.commit()
    callers = {name: web_house.caller(name) for name in ("root", "vera")}
    start, answers = threading.Barrier(2), {}

    def disable(who: str, whom: str) -> None:
        start.wait()
        answer = callers[who].patch(f"/users/{IDS[whom]}", {"active": False})
        answers[who] = answer.status_code

    threads = [
        threading.Thread(target=disable, args=pair) for pair in (("root", "vera"), ("vera", "root"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values())[0] == 200
    assert sorted(answers.values())[1] in (401, 409)
