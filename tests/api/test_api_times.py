"""A time is spelled in one way wherever the API answers one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from house import body
from web_house import Caller, WebHouse

SPELLED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
LISTS = ("/jobs", "/me/api-keys", "/me/ssh-keys", "/templates", "/users", "/groups", "/audit")


@pytest.fixture
def root(web_house: WebHouse) -> Caller:
    return web_house.caller("root")


def times(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text that begins like a time, and where it is."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        yield path, value
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in pairs:
            yield from times(item, f"{path}/{name}")


def test_one_spelling(web_house: WebHouse, root: Caller, alice: Caller) -> None:
    key = {"name": "ci", "expires_at": "2999-01-01T00:00:00+08:00"}
    made = root.post("/me/api-keys", key).get_json()
    root.post("/groups", {"name": "lab", "description": "d", "roles": ["User"]})
    root.send("PUT", "/templates/user/mine", json={"job": body()})
    job_id = web_house.house.run("alice")
    web_house.house.end(job_id)
    paths = (*LISTS, f"/jobs/{job_id}", f"/jobs/{job_id}/events")
    found = [("key", made["expires_at"])]
    for path in paths:
        found += times(root.get(path).get_json(), path)
    assert {path.split("/")[1] for path, _ in found if path != "key"} >= {
        *("jobs", "me", "templates", "users", "groups", "audit")
    }
    assert [one for one in found if not SPELLED.fullmatch(one[1])] == []
    assert made["expires_at"] == "2998-12-31T16:00:00.000000Z"
