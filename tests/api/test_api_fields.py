"""Every wrong field of a submission is named, with a sentence, by the API too."""

from __future__ import annotations

from typing import Any

import pytest
from house import GPU, NPU, body
from web_house import Caller, problem_of

LOGIN = {"server": "r", "username": "u", "password": "p"}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("name", {"name": ""}, "Required"),
    ("name", {"name": None}, "Required"),
    ("name", {"name": "x" * 65}, "at most 64 characters, has 65"),
    ("name", {"name": "a/b"}, "letters, digits"),
    ("name", {"name": 7}, "Must be text"),
    ("vc", {"vc": "nowhere"}, "no virtual cluster"),
    ("vc", {"vc": ["vision"]}, "no virtual cluster"),
    ("kind", {"kind": "magic"}, "Must be one of"),
    ("kind", {"kind": None}, "Must be one of"),
    ("preemptible", {"preemptible": "yes"}, "true or false"),
    ("priority", {"priority": 0}, "from 1 to 1000"),
    ("priority", {"priority": 1001}, "from 1 to 1000"),
    ("priority", {"priority": "9"}, "whole number"),
    ("device_type", {"device_type": "abacus"}, "Must be one of"),
    ("device_type", {"devices": 1}, "Choose a device type"),
    ("device_type", {"device_type": NPU, "devices": 1}, "vision has no quota"),
    ("devices", {"device_type": GPU, "devices": -1}, "0 or more"),
    ("devices", {"device_type": GPU, "devices": 2.5}, "whole number"),
    ("devices", {"device_type": GPU, "devices": 5}, "from 0 to 4"),
    ("devices", {"device_type": GPU, "devices": 10**30}, "from 0 to 4"),
    ("devices", {"vc": "platform", "device_type": NPU, "devices": 3}, "one of 0, 1, 2, 4, 8"),
    ("nodes", {"nodes": 0}, "from 1 to"),
    ("nodes", {"nodes": 2}, "one node"),
    ("image", {"image": ""}, "Required"),
    ("image", {"image": "no good"}, "Not an image reference"),
    ("image", {"image": "x" * 513}, "at most 512"),
    ("command", {"command": "  \n "}, "Required"),
    ("command", {"command": "x" * 65537}, "at most 65536"),
    ("command", {"command": "a\x00b"}, "NUL"),
    ("interactive_ports", {"interactive_ports": "40001"}, "list"),
    ("interactive_ports", {"interactive_ports": [39999]}, "40000 to 49999"),
    ("interactive_ports", {"interactive_ports": [50000]}, "40000 to 49999"),
    ("interactive_ports", {"interactive_ports": [40001, 40001]}, "twice"),
    ("interactive_ports", {"interactive_ports": ["40001"]}, "not a port"),
    ("interactive_ports", {"interactive_ports": list(range(40000, 40021))}, "At most 20"),
    ("endpoints", {"endpoints": ["telnet"]}, "not one of"),
    ("endpoints", {"endpoints": ["ssh", "ssh"]}, "twice"),
    ("endpoints", {"endpoints": "ssh"}, "list"),
    ("endpoints", {"endpoints": [["ssh"]]}, "not one of"),
    ("mounts", {"mounts": []}, "Must map"),
    ("mounts.etc", {"mounts": {"etc": {}}}, "Unknown field"),
    ("mounts.work", {"mounts": {"work": True}}, "enabled"),
    ("mounts.work.enabled", {"mounts": {"work": {"enabled": 1}}}, "true or false"),
    ("mounts.work.path", {"mounts": {"work": {"path": "x"}}}, "Unknown field"),
    ("mounts.work.sub_path", {"mounts": {"work": {"sub_path": "../bob"}}}, ".."),
    ("mounts.data.sub_path", {"mounts": {"data": {"sub_path": "/etc"}}}, "relative"),
    ("mounts.data.sub_path", {"mounts": {"data": {"sub_path": "a/../../b"}}}, ".."),
    ("mounts.job.sub_path", {"mounts": {"job": {"sub_path": 7}}}, "text"),
    ("mounts.job.sub_path", {"mounts": {"job": {"sub_path": "x" * 256}}}, "at most 255"),
    ("env", {"env": []}, "Must map"),
    ("env.1A", {"env": {"1A": "x"}}, "not a valid name"),
    ("env.A-B", {"env": {"A-B": "x"}}, "not a valid name"),
    ("env.AOLI_JOB_ID", {"env": {"AOLI_JOB_ID": "x"}}, "set by the platform"),
    ("env.RANK", {"env": {"RANK": "0"}}, "set by the platform"),
    ("env.LR", {"env": {"LR": 0.1}}, "must be text"),
    ("env", {"env": {f"V{n}": "" for n in range(201)}}, "At most 200"),
    ("registry", {"registry": "docker.io"}, "Must be {server"),
    ("registry.password", {"registry": {"server": "r", "username": "u"}}, "Required"),
    ("registry.server", {"registry": {"server": "a b", "username": "u", "password": "p"}}, "Not"),
    ("registry.token", {"registry": {**LOGIN, "token": "x"}}, "Unknown field"),
    ("comand", {"comand": "x"}, "Unknown field"),
    ("id", {"id": "mine"}, "Unknown field"),
]


@pytest.mark.parametrize(
    ("field", "wrong", "says"), WRONG, ids=[f"{n}-{field}" for n, (field, _, _) in enumerate(WRONG)]
)
def test_a_wrong_field(alice: Caller, field: str, wrong: dict[str, Any], says: str) -> None:
    for path in ("/jobs", "/jobs/preview"):
        document = problem_of(alice.post(path, body(**wrong)), 422)
        assert document["code"] == "invalid"
        assert list(document["errors"]) == [field], document["errors"]
        assert says in " ".join(document["errors"][field])
    assert alice.get("/jobs").get_json()["total"] == 0


def test_all_wrong_fields_are_told_at_once(alice: Caller) -> None:
    wrong = body(name="", image="no good", priority=0, env={"1": "x"}, extra=1)
    errors = problem_of(alice.post("/jobs", wrong), 422)["errors"]
    assert set(errors) == {"name", "image", "priority", "env.1", "extra"}


@pytest.mark.parametrize("missing", ["name", "image", "command"])
def test_a_missing_field(alice: Caller, missing: str) -> None:
    sent = body()
    del sent[missing]
    errors = problem_of(alice.post("/jobs", sent), 422)["errors"]
    assert errors == {missing: ["Required"]}


@pytest.mark.parametrize("sent", ["[]", '"job"', "7", "null", "true", "1e999"])
def test_a_body_that_is_no_object(alice: Caller, sent: str) -> None:
    for path in ("/jobs", "/jobs/actions"):
        assert "body" in problem_of(alice.post(path, data=sent), 422)["errors"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'name': 1}",
        b'{"a": NaN}',
        b"\xff\xfe",
        b'{"command": "\\ud800"}',
        b"[" * 100_000,
        b"9" * 5000,
    ],
    ids=["empty", "cut", "quotes", "nan", "latin", "surrogate", "deep", "long"],
)
def test_a_body_that_is_no_json(alice: Caller, raw: bytes) -> None:
    for path in ("/jobs", "/jobs/preview", "/jobs/actions"):
        problem_of(alice.post(path, data=raw, headers={"Content-Type": "application/json"}), 400)


def test_a_body_that_is_too_large(alice: Caller) -> None:
    raw = b'{"command": "' + b"x" * (3 * 1024 * 1024) + b'"}'
    problem_of(alice.post("/jobs", data=raw), 413)
