"""The audit log (G7): append-only, before and after, no secrets."""

from __future__ import annotations

from dataclasses import replace

import peewee
import pytest
from house import BOTH_DATABASES, GPU, actor

from portal.domain.errors import Forbidden
from portal.models import AuditRow
from portal.models.db import database, session
from portal.services.records import audit
from portal.services.records.audit import AuditQuery

pytestmark = BOTH_DATABASES

ROOT = replace(actor("root"), address="10.1.2.3")


def note(house, action="user.modify", name="bob", **sides):
    audit.record(ROOT, action, "user", name, at=house.now, **sides)


def only_entry(**query):
    (found,) = audit.search(ROOT, AuditQuery(**query)).items
    return found


def test_every_edit_of_a_virtual_cluster_is_noted(house):
    with session():
        editor = house.portal.vc_editor
        editor.add(ROOT, {"name": "speech", "quota": {GPU: 0}})
        editor.modify(ROOT, "speech", {"max_run_time_s": 60})
        editor.delete(ROOT, "speech")
        deleted, modified, created = audit.search(ROOT, AuditQuery(q="speech")).items
    assert [e["action"] for e in (created, modified, deleted)] == [
        "vc.create",
        "vc.modify",
        "vc.delete",
    ]
    assert (created["actor"], created["address"]) == ("root", "10.1.2.3")
    assert created["before"] is None
    assert created["after"]["quota"] == {GPU: 0}
    assert (modified["before"], modified["after"]) == (
        {"max_run_time_s": None},
        {"max_run_time_s": 60},
    )
    assert deleted["after"] is None


def test_a_refused_edit_leaves_no_entry(house):
    with session():
        house.run("alice", device_type=GPU, devices=1)
        with pytest.raises(Exception, match="running"):
            house.portal.vc_editor.delete(ROOT, "vision")
        assert audit.search(ROOT, AuditQuery()).total == 0


def test_no_secret_is_kept(house):
    with session():
        note(
            house,
            before={"password": "old", "nickname": "b"},
            after={"password": "new", "nickname": "b", "deep": [{"client_secret": "s"}]},
        )
        found = only_entry()
    assert "old" not in str(found)
    assert found["after"] == {"password": audit.HIDDEN, "deep": [{"client_secret": audit.HIDDEN}]}


@pytest.mark.parametrize("change", [AuditRow.delete(), AuditRow.update(actor="nobody")])
def test_entries_are_never_changed(house, change):
    with session():
        note(house)
        with pytest.raises(peewee.DatabaseError, match="append-only"):
            change.execute()
        assert only_entry()["actor"] == "root"


def test_the_log_is_not_emptied(house):
    """SQLite has no TRUNCATE: there it is an error of its own."""
    with session():
        note(house)
        with pytest.raises(peewee.DatabaseError, match=r"append-only|syntax error"):
            database.execute_sql("TRUNCATE audit")
        assert only_entry()["actor"] == "root"


def test_search_and_pages(house):
    with session():
        for number in range(5):
            note(house, name=f"user-{number}")
        house.advance(60)
        note(house, "role.delete", "tester")
        first = audit.search(ROOT, AuditQuery(limit=4))
        assert [item["object"] for item in first.items][:2] == ["tester", "user-4"]
        rest = audit.search(ROOT, AuditQuery(limit=4, before_id=first.next_id))
        assert [item["object"] for item in rest.items] == ["user-1", "user-0"]
        assert rest.next_id is None
        assert first.total == rest.total == 6
        assert only_entry(action="role.delete")["object"] == "tester"
        assert only_entry(since=house.now)["object"] == "tester"
        assert only_entry(q="user-3")["object"] == "user-3"
        assert audit.search(ROOT, AuditQuery(actor="alice")).items == []


def test_only_managers_read_it(house):
    with session(), pytest.raises(Forbidden):
        audit.search(actor("alice"), AuditQuery())
