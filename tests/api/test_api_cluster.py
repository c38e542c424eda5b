"""The calls on the cluster (spec E)."""

from __future__ import annotations

import csv
import io

import pytest
from house import GPU, NPU
from web_house import Caller, WebHouse, problem_of

from portal.models.db import database

HOUR_S = 3600


@pytest.fixture
def root(web_house: WebHouse):
    return web_house.caller("root")


def test_status(web_house: WebHouse, root) -> None:
    web_house.house.run("alice", device_type=GPU, devices=3, preemptible=True)
    found = root.get("/cluster/status?vc=vision").get_json()
    assert found["items"] == [
        {
            "name": "lab",
            "device_type": GPU,
            "devices": 4,
            "unschedulable": 0,
            "used": 3,
            "preemptible_used": 3,
            "available": 1,
            "active_jobs": 1,
            "simulated": False,
        }
    ]
    kinds = [item["device_type"] for item in root.get("/cluster/status").get_json()["items"]]
    assert kinds == [NPU, GPU]
    problem_of(root.get("/cluster/status?vc=nowhere"), 404)


def test_users(web_house: WebHouse, root) -> None:
    web_house.house.run("alice", device_type=GPU, devices=2)
    web_house.house.advance(HOUR_S / 2)
    found = root.get("/cluster/users?vc=vision").get_json()
    line = {
        "username": "alice",
        "device_type": GPU,
        "allocated": 2,
        "allocated_preemptible": 0,
        "idle": None,
        "booked_hours": 1.0,
        "idle_hours": None,
        "idle_percent": None,
    }
    assert found["items"] == [line]
    assert found["total"] == {**line, "username": "", "device_type": ""}
    assert (found["count"], found["next_cursor"]) == (1, None)
    found = root.get("/cluster/users?vc=vision&all=1&limit=3").get_json()
    assert [item["username"] for item in found["items"]] == ["alice", "bob", "mona"]
    rest = root.get(f"/cluster/users?vc=vision&all=1&cursor={found['next_cursor']}").get_json()
    assert [item["username"] for item in rest["items"]] == ["vera"]
    problem_of(root.get("/cluster/users?all=perhaps"), 422)


def test_users_as_a_table(web_house: WebHouse, root) -> None:
    web_house.house.run("alice", device_type=GPU, devices=2)
    answer = root.get("/cluster/users?vc=vision&all=1&format=csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0][:3] == ["Username", "Device Type", "Currently Allocated"]
    assert rows[1] == ["alice", GPU, "2", "0", "-", "0.0", "-", "-"]
    assert [row[0] for row in rows[1:]] == ["alice", "bob", "mona", "vera"]
    problem_of(root.get("/cluster/users?format=xml"), 422)


@pytest.mark.parametrize("everyone", [0, 1])
def test_the_export_keeps_no_connection(root: Caller, everyone: int) -> None:
    """It is read when the request's own connection was given back long ago."""
    answer = root.get(f"/cluster/users?vc=vision&all={everyone}&format=csv")
    assert database.is_closed()
    parts = iter(answer.iter_encoded())
    while next(parts, None) is not None:
        assert database.is_closed()
    answer.close()


def test_usage(web_house: WebHouse, root) -> None:
    web_house.house.run("alice", device_type=GPU, devices=2)
    web_house.house.advance(HOUR_S)
    found = root.get("/cluster/usage?vc=vision&range=1h").get_json()
    assert (found["vc"], found["range"], found["step_s"], len(found["times"])) == (
        "vision",
        "1h",
        60,
        60,
    )
    (item,) = found["items"]
    assert (item["quota"], item["devices"], item["utilization"]) == (4, 8, None)
    assert item["users"] == [{"username": "alice", "device_hours": 2.0, "held": [2.0] * 60}]
    problem_of(root.get("/cluster/usage?range=1y"), 422)


def test_nodes(web_house: WebHouse, root) -> None:
    job_id = web_house.house.run("alice", device_type=GPU, devices=2, name="train")
    first, second = root.get("/cluster/nodes").get_json()["items"]
    assert first["pods"] == [
        {
            "name": "train",
            "job_id": job_id,
            "user": "alice",
            "devices": 2,
            "device_indexes": [0, 1],
            "preemptible": False,
        }
    ]
    del first["pods"]
    assert first == {
        "name": "node-1",
        "ip": "10.0.0.1",
        "device_type": GPU,
        "devices": 8,
        "used": 2,
        "preemptible_used": 0,
        "available": 6,
        "status": "ready",
        "simulated": False,
    }
    assert (second["device_type"], second["pods"]) == (NPU, [])


def test_cordon_and_back(web_house: WebHouse, root) -> None:
    assert root.post("/cluster/nodes/node-1/cordon").get_json()["status"] == "cordoned"
    status = root.get("/cluster/status?vc=vision").get_json()["items"][0]
    assert (status["unschedulable"], status["available"]) == (4, 0)
    vc = root.get("/vcs/vision").get_json()
    assert (vc["quota"], vc["usable_quota"]) == ({GPU: 4}, {GPU: 0})
    assert root.post("/cluster/nodes/node-1/uncordon").get_json()["status"] == "ready"
    problem_of(root.post("/cluster/nodes/node-9/cordon"), 404)
    web_house.house.cluster.unreachable = True
    problem_of(root.post("/cluster/nodes/node-1/cordon"), 503)


@pytest.mark.parametrize(
    "path", ["/cluster/status", "/cluster/users", "/cluster/usage", "/cluster/nodes"]
)
def test_looking_needs_the_permission(web_house: WebHouse, path: str) -> None:
    problem_of(web_house.caller("alice").get(path), 403)
    problem_of(web_house.caller(None).get(path), 401)


def test_cordoning_needs_the_permission(web_house: WebHouse) -> None:
    for name in ("alice", "mona", "vera"):
        problem_of(web_house.caller(name).post("/cluster/nodes/node-1/cordon"), 403)
    assert not web_house.house.cluster.nodes()[0].cordoned
