"""What belongs to somebody, × who asks for it by its id or name (D10, C16, F5, A5).

*alice* owns it, *bob* shares her virtual cluster ``vision``, *carol* is outside, *vera* may look
at all jobs, *mona* manages them, *root* may everything but is no member of ``vision``. The
numbers are written by hand from the specification.
"""

from __future__ import annotations

import pytest
from house import body

WHO = ("alice", "bob", "carol", "vera", "mona", "root", "newcomer", None)
SECRET_COMMAND = "python train.py --token=alices"
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvpDn3jIJ+j2958jcv7rOBva+xJO04wbXvTQBeMdFg8"
JOB = (200, 404, 404, 200, 200, 200, 403, 401)
MINE_ALONE = (200, 404, 404, 404, 404, 404, 403, 401)
TEAMS = (200, 200, 404, 200, 200, 404, 403, 401)
ACT = (409, 404, 404, 403, 409, 409, 403, 401)
"""Managing the job of alice, which is over: who may is told that its state forbids it."""

CALLS = {
    "GET /jobs/{job}": JOB,
    "GET /jobs/{job}/events": JOB,
    "GET /jobs/{job}/logs": JOB,
    "GET /jobs/{job}/logs?download=1": JOB,
    "GET /jobs/{job}/logs?follow=1": JOB,
    "GET /jobs/{job}/logs?q=hunter2": JOB,
    "GET /jobs/{job}/logs?pod=*&plain=1": JOB,
    "PATCH /jobs/{job}": ACT,
    "POST /jobs/{job}/pause": ACT,
    "POST /jobs/{job}/resume": ACT,
    "POST /jobs/{job}/kill": ACT,
    "GET /templates/user/mine": MINE_ALONE,
    "GET /templates/team/ours?vc=vision": TEAMS,
    "GET /templates/team/ours?vc=platform": (404, 404, 404, 404, 404, 404, 403, 401),
    "PUT /templates/team/ours?vc=vision": (200, 403, 404, 403, 403, 404, 403, 401),
    "GET /vcs/vision": (200, 200, 404, 403, 403, 200, 403, 401),
    "POST /vcs/vision/select": (200, 200, 404, 200, 200, 404, 403, 401),
    "GET /users/1": (403, 403, 403, 403, 403, 200, 403, 401),
    # The last of all: they take things away.
    "DELETE /templates/team/ours?vc=vision": (204, 403, 404, 403, 403, 404, 403, 401),
    "DELETE /templates/user/mine": (204, 404, 404, 404, 404, 404, 403, 401),
    "DELETE /me/api-keys/{api_key}": (204, 404, 404, 404, 404, 404, 404, 401),
    "DELETE /me/ssh-keys/{ssh_key}": (204, 404, 404, 404, 404, 404, 404, 401),
}
PAGES = {
    "/jobs/{job}": JOB,
    "/jobs/{job}/console": JOB,
    "/jobs/{job}/console/choices": JOB,
    "/jobs/{job}/lines": JOB,
    "/jobs/{job}/lines?at=first": JOB,
    "/jobs/{job}/find?q=a": JOB,
    "/jobs/{job}/log": JOB,
    "/jobs/{job}/brief": JOB,
    "/dashboard/users/1": (403, 403, 403, 403, 403, 200, 403, 401),
    "/account/": (200, 200, 200, 200, 200, 200, 200, 401),
}


@pytest.fixture
def alices(web_house) -> dict[str, str]:
    """Everything that alice has; her job has ended."""
    house, alice = web_house.house, web_house.caller("alice")
    job_id = house.run("alice", command=SECRET_COMMAND)
    house.write_log(job_id, "alices line")
    house.end(job_id)
    job = body(command=SECRET_COMMAND)
    for place in ("user/mine", "team/ours?vc=vision"):
        kept = alice.send("PUT", f"/templates/{place}", json={"job": job})
        assert kept.status_code == 201, kept.text
    made = alice.post("/me/api-keys", {"name": "alices key"})
    key = alice.post("/me/ssh-keys", {"name": "alices", "key": SSH_KEY})
    assert key.status_code == 201, key.text
    return {
        "job": job_id,
        "api_key": str(made.get_json()["id"]),
        "ssh_key": str(key.get_json()["id"]),
    }


def sent(method: str, path: str):
    if method == "PATCH":
        return {"priority": 7}
    return {"job": body()} if method == "PUT" else None


def test_by_the_api(web_house, alices):
    wrong = []
    for line, expected in CALLS.items():
        method, path = line.format(**alices).split()
        order = list(zip(WHO, expected, strict=True))
        for name, status in reversed(order):  # alice comes last: she may take it away
            caller = web_house.caller(name)
            answer = caller.send(method, path, json=sent(method, path), buffered=True)
            if answer.status_code != status:
                wrong.append((line, name, answer.status_code, status))
            if status >= 400:
                assert "alices" not in answer.text, (line, name)
    assert wrong == []


def test_by_the_pages(browse, alices):
    wrong = []
    for line, expected in PAGES.items():
        for name, status in zip(WHO, expected, strict=True):
            answer = browse(name).get(line.format(**alices))
            at_the_door = status == 401 and answer.status_code == 302
            if answer.status_code != status and not at_the_door:
                wrong.append((line, name, answer.status_code, status))
            if status >= 400:
                assert "alices" not in answer.text, (line, name)
            elif line == "/account/":
                assert ("alices" in answer.text) is (name == "alice"), name
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "sees"), [("alice", True), ("bob", False), ("carol", False), ("root", True)]
)
def test_cloning_shows_only_what_one_may_see(browse, alices, name, sees):
    answer = browse(name).get(f"/submit/?clone={alices['job']}")
    assert (SECRET_COMMAND in answer.text) is sees


@pytest.mark.parametrize("name", ["bob", "carol", "vera", "root"])
def test_a_template_of_another_fills_no_form(browse, alices, name):
    for address in ("template=user/mine", "template=mine", "template=user:mine", "scope=user"):
        assert SECRET_COMMAND not in browse(name).get(f"/submit/?{address}").text


def test_lists_hold_what_one_may_see(web_house, alices):
    for name in ("bob", "carol", "vera", "mona", "root"):
        caller = web_house.caller(name)
        for path in ("/jobs", "/templates", "/me/api-keys", "/me/ssh-keys"):
            assert "alices" not in caller.get(path).text, (name, path)
    assert "alices" not in web_house.caller("carol").get("/templates?vc=platform").text
    assert web_house.caller("carol").get("/templates?vc=vision").get_json()["items"] == []
