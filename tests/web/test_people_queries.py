"""Lists of people ask the database as often for sixty rows as for six."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from portal.models import AuditRow
from portal.models.db import session as rows
from portal.people.administration import session

PAGES = (
    *("/dashboard/", "/dashboard/users/?limit=100", "/dashboard/groups/?limit=100"),
    *("/dashboard/roles/?limit=100", "/dashboard/audit/?limit=100", "/dashboard/groups/1"),
    *("/dashboard/groups/1/users?limit=100", "/dashboard/roles/4/users?limit=100"),
    *("/api/v1/users?limit=200", "/api/v1/groups?limit=200", "/api/v1/roles?limit=200"),
    "/api/v1/audit?limit=200",
)


def grow(web_house, begin: int, end: int) -> None:
    """More users in a group each, more groups and roles, each with its audit entry."""
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        for number in range(begin, end):
            role = manager.add_role(f"role {number}")
            group = manager.add_group(f"group {number}", "g", "d", roles=[role])
            user = manager.add_user(
                username=f"user{number}",
                first_name="x",
                last_name="",
                email=f"{number}@x.invalid",
                role=[role],
                hashed_password="!",
            )
            group.users.append(user)
        manager.session.commit()
    with rows():
        for number in range(begin, end):
            AuditRow.insert(
                at=web_house.house.now,
                actor="root",
                action="user.create",
                object_type="user",
                object=f"user{number}",
            ).execute()


@pytest.fixture
def asked(web_house) -> list[str]:
    """Every statement of Flask-AppBuilder's side."""
    found: list[str] = []
    with web_house.app.app_context():
        engine = session().get_bind()
        event.listen(engine, "before_cursor_execute", lambda c, cu, sql, *rest: found.append(sql))
    return found


def counts(browser, asked) -> dict[str, int]:
    found = {}
    for path in PAGES:
        asked.clear()
        assert browser.get(path).status_code == 200, path
        found[path] = len(asked)
    return found


def test_the_number_of_queries_does_not_grow(web_house, browse, asked):
    browser = browse("root")
    grow(web_house, 0, 6)
    few = counts(browser, asked)
    grow(web_house, 6, 60)
    assert counts(browser, asked) == few
    assert max(few.values()) <= 14, few
