"""GET /audit."""

from __future__ import annotations

import pytest
from house import GPU
from web_house import problem_of

from portal.http.access import actor
from portal.models.db import session


@pytest.fixture
def root(web_house):
    with web_house.app.test_request_context("/", environ_base={"REMOTE_ADDR": "10.9.8.7"}):
        from flask import g

        g.user = web_house.app.appbuilder.sm.find_user(username="root")
        someone = actor()
    with session():
        for name in ("one", "two", "three"):
            web_house.house.portal.vc_editor.add(someone, {"name": name, "quota": {GPU: 0}})
    return web_house.caller("root")


def test_newest_first_in_pages(root):
    first = root.get("/audit?limit=2").get_json()
    assert [item["object"] for item in first["items"]] == ["three", "two"]
    assert first["total"] == 3
    rest = root.get(f"/audit?limit=2&cursor={first['next_cursor']}").get_json()
    assert [item["object"] for item in rest["items"]] == ["one"]
    assert rest["next_cursor"] is None


def test_an_entry(root):
    (entry,) = root.get("/audit?q=two&object_type=vc&actor=root").get_json()["items"]
    assert {"at", "actor", "address", "action", "object_type", "object", "before", "after"} <= set(
        entry
    )
    assert entry["address"] == "10.9.8.7"
    assert entry["action"] == "vc.create"


def test_what_makes_no_sense_is_refused(root):
    for query in ("cursor=x", "since=yesterday", "limit=201", "colour=red"):
        problem_of(root.get(f"/audit?{query}"), 422)


def test_others_may_not(web_house):
    problem_of(web_house.caller("alice").get("/audit"), 403)
    problem_of(web_house.caller(None).get("/audit"), 401)
