"""Changes of users, groups and roles: whole, with their audit entry, and of what is there now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from house import IDS
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.domain.permission import Actor, Permission
from portal.people.administration import Administration, administration, session

ADMIN = Actor(
    IDS["root"], "root", frozenset(one.value for one in Permission), roles=("System Admin",)
)
NEW = {"username": "nina", "nickname": "Nina", "password": "a long password"}
ROLE = {"name": "Looks", "description": "d", "permissions": ["view_vc"]}
GROUP = {"name": "lab", "description": "d", "roles": ["Looks"], "users": ["carol"]}
TABLES = (
    *("ab_user", "ab_role", "ab_group", "ab_user_role", "ab_user_group", "ab_group_role"),
    *("ab_permission_view_role", "audit"),
)


@pytest.fixture
def house(web_house):
    """A role, a group that gives it, and somebody in both; somebody is System Admin."""
    with web_house.app.test_request_context():
        manager = web_house.app.appbuilder.sm
        root = manager.find_user(username="root")
        root.roles.append(manager.find_role("System Admin"))
        manager.session.commit()
        services = administration()
        services.roles.create(ADMIN, ROLE)
        services.groups.create(ADMIN, GROUP)
        services.users.create(ADMIN, {**NEW, "roles": ["Looks"], "groups": ["lab"]})
        yield services


def contents() -> dict[str, set[Any]]:
    """All rows of the tables that a change may touch."""
    rows = {name: session().execute(text(f"SELECT * FROM {name}")) for name in TABLES}
    return {name: {tuple(row) for row in found} for name, found in rows.items()}


def ids(services: Administration) -> tuple[int, int, int]:
    """Of nina, the group lab, the role Looks."""
    found = [
        session().execute(text(f"SELECT id FROM {table} WHERE {key} = :name"), {"name": name})
        for table, key, name in (
            ("ab_user", "username", "nina"),
            ("ab_group", "name", "lab"),
            ("ab_role", "name", "Looks"),
        )
    ]
    user, group, role = (int(one.scalar_one()) for one in found)
    return user, group, role


Change = Callable[[Administration, int, int, int], Any]
CHANGES: dict[str, Change] = {
    "a user made": lambda to, *_: to.users.create(ADMIN, {**NEW, "username": "otto"}),
    "users made": lambda to, *_: to.users.create_batch(
        ADMIN, {"users": [{**NEW, "username": f"otto-{n}"} for n in range(3)], "roles": ["User"]}
    ),
    "a user changed": lambda to, user, *_: to.users.modify(
        ADMIN, user, {"nickname": "N.", "roles": ["User"], "groups": [], "active": False}
    ),
    "a user deleted": lambda to, user, *_: to.users.delete(ADMIN, user),
    "a group made": lambda to, *_: to.groups.create(ADMIN, {**GROUP, "name": "other"}),
    "a group changed": lambda to, _, group, __: to.groups.modify(
        ADMIN, group, {"name": "renamed", "roles": ["User"], "users": ["bob", "nina"]}
    ),
    "its members": lambda to, _, group, __: to.groups.change_members(
        ADMIN, group, [IDS["bob"]], [IDS["carol"]]
    ),
    "a group deleted": lambda to, _, group, __: to.groups.delete(ADMIN, group),
    "a role made": lambda to, *_: to.roles.create(ADMIN, {**ROLE, "name": "Sees"}),
    "a role changed": lambda to, _, __, role: to.roles.modify(
        ADMIN, role, {"name": "Sees", "permissions": ["view_cluster"]}
    ),
    "its holders": lambda to, _, __, role: to.roles.relate(ADMIN, role, "users", [IDS["bob"]], []),
    "a role deleted": lambda to, _, __, role: to.roles.delete(ADMIN, role),
}


@pytest.mark.parametrize("what", CHANGES)
def test_without_its_audit_entry_there_is_no_change(house, what):
    """The entry and the change are one transaction: neither is there without the other."""
    before, places = contents(), ids(house)
    session().execute(
        text("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END")
    )
    session().commit()
    with pytest.raises(DBAPIError):
        CHANGES[what](house, *places)
    assert contents() == before
    session().execute(text("DROP TRIGGER full"))
    session().commit()
    CHANGES[what](house, *places)
    after = contents()
    assert after["audit"] > before["audit"]
    assert {name for name in TABLES if after[name] != before[name]} > {"audit"}


def test_what_is_deleted_leaves_nothing_behind(house):
    user, group, role = ids(house)
    house.roles.relate(ADMIN, role, "users", [IDS["bob"], IDS["carol"]], [])
    house.roles.delete(ADMIN, role)
    house.groups.delete(ADMIN, group)
    house.users.delete(ADMIN, user)
    for table, column, gone in (
        ("ab_user_role", "role_id", role),
        ("ab_group_role", "role_id", role),
        ("ab_permission_view_role", "role_id", role),
        ("ab_user_group", "group_id", group),
        ("ab_group_role", "group_id", group),
        ("ab_user_role", "user_id", user),
        ("ab_user_group", "user_id", user),
    ):
        query = f"SELECT count(*) FROM {table} WHERE {column} = :gone"
        assert session().scalar(text(query), {"gone": gone}) == 0, (table, column)


def test_a_change_is_one_of_what_is_there_now(house, web_house):
    """What this session read before its turn, another may have changed since."""
    user, _, role = ids(house)
    nina = web_house.app.appbuilder.sm.find_user(username="nina")
    assert [one.name for one in nina.roles] == ["Looks"]
    preset = web_house.app.appbuilder.sm.find_role("User").id
    with session().get_bind().begin() as elsewhere:
        elsewhere.execute(text(f"DELETE FROM ab_user_role WHERE user_id = {user}"))
        elsewhere.execute(
            text(f"INSERT INTO ab_user_role (user_id, role_id) VALUES ({user}, {preset})")
        )
    assert house.users.modify(ADMIN, user, {"roles": ["Looks"]}).roles == ("Looks",)
    held = text(f"SELECT role_id FROM ab_user_role WHERE user_id = {user}")
    assert list(session().scalars(held)) == [role]
