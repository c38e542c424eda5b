"""Users, groups and roles by the API (G2–G6): what works, what even an administrator may not."""

from __future__ import annotations

from typing import Any

import pytest
from house import CAST, IDS, PASSWORD
from web_house import Caller, WebHouse, problem_of

from portal.models import VcMemberRow
from portal.models.db import session

NEW = {"username": "nina", "nickname": "Nina", "password": "a long password"}


@pytest.fixture
def root(web_house: WebHouse) -> Caller:
    """A real System Admin: the cast's root has a role of his own."""
    give(web_house, "root", "System Admin")
    return web_house.caller("root")


@pytest.fixture
def manager(web_house: WebHouse, root: Caller) -> Caller:
    """Bob, who may administer users and nothing that alice may."""
    made = root.post(
        "/roles", {"name": "Manager", "description": "m", "permissions": ["manage_users"]}
    )
    assert made.status_code == 201, made.text
    changed = root.patch(f"/users/{IDS['bob']}", {"roles": ["Manager"]})
    assert changed.status_code == 200, changed.text
    return web_house.caller("bob")


def give(web_house: WebHouse, name: str, role: str) -> None:
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        user = manager.find_user(username=name)
        user.roles.append(manager.find_role(role))
        manager.session.commit()


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def by_name(caller: Caller, kind: str, name: str) -> dict[str, Any]:
    key = "username" if kind == "users" else "name"
    items = caller.get(f"/{kind}?limit=200").get_json()["items"]
    return next(item for item in items if item[key] == name)


def test_a_user_is_made_changed_and_deleted(root, web_house):
    nina = made(
        root.post("/users", {**NEW, "roles": ["User"], "email": "n@x.org", "phone": "1 2-3"})
    )
    assert "password" not in str(nina)
    assert (nina["roles"], nina["email"], nina["active"]) == (["User"], "n@x.org", True)
    login = {"username": "nina", "password": NEW["password"]}
    anybody = web_house.caller(None)
    assert anybody.post("/security/login", login).status_code == 200
    path = f"/users/{nina['id']}"
    changed = root.patch(path, {"nickname": "N.", "email": "", "active": False}).get_json()
    assert (changed["nickname"], changed["email"], changed["active"]) == ("N.", "", False)
    assert root.get(path).get_json() == changed
    problem_of(anybody.post("/security/login", login), 401)
    assert root.send("DELETE", path).status_code == 204
    problem_of(root.get(path), 404)
    actions = [entry["action"] for entry in root.get("/audit?q=nina").get_json()["items"]]
    assert actions == ["user.delete", "user.modify", "user.create"]
    assert NEW["password"] not in root.get("/audit").text


def test_a_new_password_ends_sessions(root, web_house):
    alice = web_house.caller("alice")
    assert root.patch(f"/users/{IDS['alice']}", {"password": "another password"}).status_code == 200
    problem_of(alice.post("/security/login", {"username": "alice", "password": PASSWORD}), 401)
    (entry,) = root.get("/audit?q=alice").get_json()["items"]
    assert entry["action"] == "user.password"
    assert entry["after"]["password"] == "(hidden)"


def test_a_batch_is_all_or_nothing(root):
    rows = [{**NEW, "username": f"user-{n}"} for n in range(3)]
    rows[1]["username"] = "ALICE"
    rows[2]["email"] = "nonsense"
    errors = problem_of(root.post("/users/batch", {"users": rows, "roles": ["User"]}), 422)[
        "errors"
    ]
    assert errors == {
        "users.1.username": ["This username is taken"],
        "users.2.email": ["Enter an address such as name@example.org"],
    }
    assert root.get("/users?q=user-").get_json()["total"] == 0
    rows[1]["username"], rows[2]["email"] = "user-1", ""
    items = made(root.post("/users/batch", {"users": rows, "roles": ["User"]}))["items"]
    assert [item["username"] for item in items] == ["user-0", "user-1", "user-2"]
    assert all(item["roles"] == ["User"] for item in items)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"users": [], "roles": ["User"]}, "users"),
        ({"users": [NEW] * 11, "roles": ["User"]}, "users"),
        ({"users": [NEW]}, "roles"),
        ({"users": [NEW], "roles": []}, "roles"),
        ({"users": [NEW], "roles": ["Admin"]}, "roles"),
        ({"users": [NEW, NEW], "roles": ["User"]}, "users.1.username"),
        ({"users": [{**NEW, "password": "short"}], "roles": ["User"]}, "users.0.password"),
        ({"users": [{**NEW, "username": "a b"}], "roles": ["User"]}, "users.0.username"),
        ({"users": [{**NEW, "admin": True}], "roles": ["User"]}, "users.0.admin"),
        ({"users": ["nina"], "roles": ["User"]}, "users.0"),
        ([], "body"),
    ],
)
def test_a_wrong_batch_names_its_field(root, body, field):
    assert field in problem_of(root.post("/users/batch", body), 422)["errors"]


def test_search_and_pages(root):
    first = root.get("/users?limit=3").get_json()
    assert [user["username"] for user in first["items"]] == ["alice", "bob", "carol"]
    assert first["total"] == len(CAST)
    after = root.get(f"/users?limit=3&cursor={first['next_cursor']}").get_json()
    assert after["items"][0]["username"] == "mona"
    assert [u["username"] for u in root.get("/users?q=ARO").get_json()["items"]] == ["carol"]
    assert root.get("/users?q=%25").get_json()["total"] == 0
    assert root.get("/users?role=System Admin").get_json()["total"] == 1
    problem_of(root.get("/users?sort=password"), 422)


@pytest.mark.parametrize("sort", ["seen", "-seen"])
def test_who_are_equal_follow_their_numbers(root, sort):
    """Nobody of the cast was ever seen; a page may begin at any row."""
    everybody = root.get(f"/users?sort={sort}").get_json()["items"]
    assert [user["last_seen"] for user in everybody] == [None] * len(CAST)
    assert [user["id"] for user in everybody] == sorted(IDS.values())
    page = root.get(f"/users?sort={sort}&limit=2&cursor=3").get_json()
    assert page["items"] == everybody[3:5]
    assert page["next_cursor"] == "5"


def test_flask_appbuilders_own_roles_never_show(root):
    names = [role["name"] for role in root.get("/roles").get_json()["items"]]
    assert names[:2] == ["System Admin", "User"]
    assert not {"Admin", "Public"} & set(names)
    body = {"name": "admin", "description": "x", "permissions": ["view_vc"]}
    problem_of(root.post("/roles", body), 409)
    problem_of(root.get("/roles/1"), 404)


def test_preset_roles_are_fixed(root):
    for name in ("System Admin", "User"):
        path = f"/roles/{by_name(root, 'roles', name)['id']}"
        problem_of(root.send("DELETE", path), 409)
        problem_of(root.patch(path, {"description": "mine"}), 409)


def test_a_custom_role(root, web_house):
    role = made(
        root.post("/roles", {"name": "Eyes", "description": "d", "permissions": ["view_vc"]})
    )
    assert (role["type"], role["permissions"]) == ("custom", ["view_vc"])
    path = f"/roles/{role['id']}"
    wider = root.patch(path, {"permissions": ["view_cluster", "submit_job"]}).get_json()
    assert wider["permissions"] == ["submit_job", "view_cluster"]
    problem_of(root.patch(path, {"permissions": ["fly"]}), 422)
    problem_of(root.patch(path, {"permissions": []}), 422)
    problem_of(root.patch(path, {"name": "user"}), 409)
    root.patch(f"/users/{IDS['newcomer']}", {"roles": ["Eyes"]})
    newcomer = web_house.caller("newcomer")
    assert newcomer.get("/me").get_json()["permissions"] == ["submit_job", "view_cluster"]
    assert root.send("DELETE", path).status_code == 204
    assert newcomer.get("/me").get_json()["permissions"] == []


def test_a_groups_roles_count_for_its_members(root, web_house):
    body = {"name": "lab", "description": "d", "roles": ["User"], "users": ["newcomer"]}
    group = made(root.post("/groups", body))
    assert (group["roles"], group["users"]) == (["User"], ["newcomer"])
    newcomer = web_house.caller("newcomer")
    assert "submit_job" in newcomer.get("/me").get_json()["permissions"]
    shown = root.get(f"/users/{IDS['newcomer']}").get_json()
    assert (shown["roles"], shown["group_roles"], shown["groups"]) == ([], ["User"], ["lab"])
    path = f"/groups/{group['id']}"
    assert root.patch(path, {"users": ["carol"]}).get_json()["users"] == ["carol"]
    assert newcomer.get("/me").get_json()["permissions"] == []
    problem_of(root.post("/groups", body), 409)
    problem_of(root.patch(path, {"users": ["nobody"]}), 422)
    problem_of(root.patch(path, {"roles": ["Public"]}), 422)
    assert root.send("DELETE", path).status_code == 204
    problem_of(root.get(path), 404)


def test_a_group_needs_its_fields(root):
    assert set(problem_of(root.post("/groups", {}), 422)["errors"]) == {
        "name",
        "description",
        "roles",
    }


def test_a_group_that_a_virtual_cluster_lists_stays(root):
    group = made(root.post("/groups", {"name": "lab", "description": "d", "roles": ["User"]}))
    with session():
        VcMemberRow.insert(vc="vision", kind="group", name="lab").execute()
    problem_of(root.send("DELETE", f"/groups/{group['id']}"), 409)
    problem_of(root.patch(f"/groups/{group['id']}", {"name": "other"}), 409)


def test_a_system_admin_is_left_alone(root, web_house):
    give(web_house, "vera", "System Admin")
    path = f"/users/{IDS['vera']}"
    problem_of(root.send("DELETE", path), 409)
    problem_of(root.patch(path, {"roles": ["User"]}), 409)
    problem_of(root.patch(path, {"roles": []}), 409)
    assert root.patch(path, {"active": False}).status_code == 200
    problem_of(root.patch(f"/users/{IDS['root']}", {"active": False}), 409)


def test_the_last_system_admin_is_not_disabled_by_another(root, web_house):
    group = made(
        root.post("/groups", {"name": "admins", "description": "d", "roles": ["System Admin"]})
    )
    root.patch(f"/groups/{group['id']}", {"users": ["vera"]})
    vera = web_house.caller("vera")
    assert vera.patch(f"/users/{IDS['root']}", {"active": False}).status_code == 200
    problem_of(vera.patch(f"/users/{IDS['vera']}", {"active": False}), 409)
    path = f"/groups/{group['id']}"
    problem_of(vera.patch(path, {"users": []}), 409)
    problem_of(vera.patch(path, {"roles": ["User"]}), 409)
    problem_of(vera.send("DELETE", path), 409)


def test_nobody_raises_anyone_above_himself(root, manager):
    newcomer = f"/users/{IDS['newcomer']}"
    own = f"/users/{IDS['bob']}"
    for path in (newcomer, own):
        for role in ("System Admin", "User", "role of root"):
            problem_of(manager.patch(path, {"roles": [role]}), 403)
    problem_of(manager.post("/users", {**NEW, "roles": ["User"]}), 403)
    problem_of(manager.post("/users/batch", {"users": [NEW], "roles": ["System Admin"]}), 403)
    group = made(root.post("/groups", {"name": "lab", "description": "d", "roles": ["User"]}))
    problem_of(manager.patch(newcomer, {"groups": ["lab"]}), 403)
    problem_of(manager.patch(f"/groups/{group['id']}", {"users": ["newcomer"]}), 403)
    problem_of(manager.send("DELETE", f"/groups/{group['id']}"), 403)
    role = {"name": "x", "description": "d", "permissions": ["submit_job"]}
    problem_of(manager.post("/roles", role), 403)
    assert root.get("/users?q=nina").get_json()["total"] == 0
    assert manager.patch(newcomer, {"roles": ["Manager"]}).status_code == 200


def test_nobody_touches_those_above_him(root, manager):
    for name in ("root", "alice"):
        path = f"/users/{IDS[name]}"
        problem_of(manager.patch(path, {"password": "mine from now on"}), 403)
        problem_of(manager.patch(path, {"email": "me@x.org"}), 403)
        assert manager.send("DELETE", path).status_code in (403, 409)
    role = by_name(root, "roles", "role of alice")
    problem_of(manager.patch(f"/roles/{role['id']}", {"permissions": ["manage_users"]}), 403)
    problem_of(manager.send("DELETE", f"/roles/{role['id']}"), 403)


def test_oneself(root):
    path = f"/users/{IDS['root']}"
    problem_of(root.send("DELETE", path), 409)
    problem_of(root.patch(path, {"password": "another password"}), 409)
    assert root.patch(path, {"nickname": "Root"}).get_json()["nickname"] == "Root"


def test_whoever_has_open_jobs_is_not_deleted(root, web_house):
    job_id = web_house.house.submit("alice")
    path = f"/users/{IDS['alice']}"
    problem_of(root.send("DELETE", path), 409)
    web_house.caller("alice").post(f"/jobs/{job_id}/kill")
    web_house.house.work()
    assert root.send("DELETE", path).status_code == 204
    taken = problem_of(root.post("/users", {**NEW, "username": "alice"}), 422)["errors"]
    assert taken == {"username": ["This username is taken"]}


def test_only_managers(web_house):
    for name, status in (("alice", 403), ("newcomer", 403), (None, 401)):
        caller = web_house.caller(name)
        for path in ("/users", "/groups", "/roles", "/users/1"):
            problem_of(caller.get(path), status)
        problem_of(caller.post("/users", NEW), status)


@pytest.mark.parametrize("kind", ["users", "groups", "roles"])
def test_what_is_not_there(root, kind):
    for name in ("0", "99999", "x", "-1", "1e3", "9" * 30):
        problem_of(root.get(f"/{kind}/{name}"), 404)
        problem_of(root.patch(f"/{kind}/{name}", {}), 404)
        problem_of(root.send("DELETE", f"/{kind}/{name}"), 404)


def test_all_that_is_wrong_with_a_user_is_told_at_once(root: Caller) -> None:
    """Shapes, names that are not there, and what is taken."""
    wrong = {"username": "alice", "nickname": "", "roles": ["Nobody"], "groups": ["none"], "x": 1}
    errors = problem_of(root.post("/users", {**NEW, **wrong}), 422)["errors"]
    assert errors == {
        "x": ["Unknown field"],
        "nickname": ["Required"],
        "roles": ["Not found: Nobody"],
        "groups": ["Not found: none"],
        "username": ["This username is taken"],
    }
    taken = {**NEW, "username": "nora", "email": "nora@example.org"}
    assert root.post("/users", taken).status_code == 201
    wrong = {"email": "Nora@example.org", "active": 1, "roles": ["Public"], "groups": "lab"}
    errors = problem_of(root.patch(f"/users/{IDS['bob']}", wrong), 422)["errors"]
    assert errors == {
        "active": ["Must be true or false"],
        "roles": ["Not found: Public"],
        "groups": ["Must be a list of names"],
        "email": ["This address belongs to another account"],
    }
    rows = [7, {**NEW, "username": "bob", "phone": "x"}, NEW, NEW]
    errors = problem_of(root.post("/users/batch", {"users": rows, "roles": ["No"]}), 422)["errors"]
    assert set(errors) == {
        *("roles", "users.0", "users.1.phone", "users.1.username", "users.3.username")
    }


def test_all_that_is_wrong_with_a_group_or_role_is_told_at_once(root: Caller) -> None:
    lab = {"name": "lab", "description": "d", "roles": ["User"]}
    made = root.post("/groups", lab).get_json()
    wrong = {"name": "LAB", "description": "a\nb", "roles": ["No"], "users": ["alice", "nobody"]}
    told = {
        "name": ["This name is taken"],
        "description": ["Use one line of at most 512 characters"],
        "roles": ["Not found: No"],
        "users": ["Not found: nobody"],
    }
    assert problem_of(root.post("/groups", wrong), 422)["errors"] == told
    other = root.post("/groups", {**lab, "name": "other"}).get_json()
    assert problem_of(root.patch(f"/groups/{other['id']}", wrong), 422)["errors"] == told
    own = {**wrong, "users": []}
    errors = problem_of(root.patch(f"/groups/{made['id']}", own), 422)["errors"]
    assert set(errors) == {"description", "roles"}
    wrong = {"name": "user", "description": "", "permissions": ["fly", "view_vc"]}
    assert problem_of(root.post("/roles", wrong), 422)["errors"] == {
        "name": ["This name is taken"],
        "description": ["Required"],
        "permissions": ["Not found: fly"],
    }
