"""Users, groups and roles on PostgreSQL: the same lists and changes as on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import CAST, IDS, close_database, make_house, make_settings, seed, seed_accounts
from servers import PostgresServer
from test_people_changes import ADMIN, CHANGES, GROUP, NEW, ROLE, contents, ids
from web_house import WebHouse

from portal.people.administration import administration
from portal.people.directory import PeopleQuery


@pytest.fixture
def on_postgres(postgres: PostgresServer, tmp_path: Path) -> Iterator[WebHouse]:
    """The application and the cast's accounts on PostgreSQL."""
    name = postgres.create()
    settings = make_settings(tmp_path, postgres.url(name))
    settings.data_dir.mkdir(parents=True)
    seed_accounts(settings)
    house = make_house(settings)
    seed(house)
    opened = WebHouse(house)
    yield opened
    opened.close()
    close_database()
    postgres.drop(name)


def test_every_change_and_its_audit_entry(on_postgres):
    for what, change in CHANGES.items():
        with on_postgres.app.test_request_context():
            services = administration()
            services.roles.create(ADMIN, ROLE)
            services.groups.create(ADMIN, GROUP)
            services.users.create(ADMIN, {**NEW, "roles": ["Looks"], "groups": ["lab"]})
            before, (user, group, role) = contents(), ids(services)
            change(services, user, group, role)
            after = contents()
            assert after["audit"] > before["audit"], what
            assert {name for name in after if after[name] != before[name]} > {"audit"}, what
            _tidy(services)


def _tidy(services) -> None:
    for noun in (services.users, services.groups, services.roles):
        for one in noun.find(ADMIN, PeopleQuery(limit=200))[0]:
            cast = one.name in CAST or one.name.startswith("role of")
            if not cast and not getattr(one, "preset", False):
                noun.delete(ADMIN, one.id)


def test_the_lists(on_postgres):
    root = on_postgres.caller("root")

    def names(path: str) -> list[str]:
        items = root.get(path).get_json()["items"]
        return [one.get("username") or one["name"] for one in items]

    with on_postgres.app.test_request_context():
        administration().roles.create(ADMIN, ROLE)
        administration().groups.create(ADMIN, GROUP)
    everybody = sorted(CAST)
    assert names("/users") == everybody
    assert names("/users?sort=-username&limit=2&cursor=1") == everybody[::-1][1:3]
    assert [IDS[name] for name in names("/users?sort=-seen")] == sorted(IDS.values())
    assert names("/users?q=ARO") == names("/users?group=lab") == ["carol"]
    assert names("/users?role=Looks") == ["carol"]
    assert names("/users?q=%25") == []
    assert names("/groups?q=LA") == ["lab"]
    assert names("/roles?limit=2") == ["System Admin", "User"]
    (lab,) = root.get("/groups").get_json()["items"]
    assert (lab["roles"], lab["users"]) == (["Looks"], ["carol"])
    (carol,) = root.get("/users?q=carol").get_json()["items"]
    assert (carol["group_roles"], carol["groups"]) == (["Looks"], ["lab"])
