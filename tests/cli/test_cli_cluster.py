"""``aoli cluster …`` against a running portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from house import GPU, a_node

if TYPE_CHECKING:
    from conftest import Shell
    from web_house import WebHouse


@pytest.fixture
def admin(stranger: Shell, web_house: WebHouse) -> Shell:
    stranger.environment["AOLI_API_KEY"] = web_house.token("root")
    return stranger


def test_status(admin: Shell) -> None:
    admin.house.run("alice", device_type=GPU, devices=3)
    heads, line = admin.ok("cluster", "status", "--vc", "vision").splitlines()
    assert heads.split("  ")[0] == "CLUSTER"
    assert line.split() == ["lab", GPU, "4", "0", "3", "0", "1", "1"]
    assert admin.json("cluster", "status", "--vc", "vision")["items"][0]["used"] == 3
    assert admin.run("cluster", "status", "--vc", "nowhere").exit_code == 1


def test_what_is_usable_of_a_quota_while_nodes_are_missing(admin: Shell) -> None:
    assert "usable" not in admin.ok("vc", "list")
    admin.ok("cluster", "cordon", "node-1")
    admin.house.look()
    assert f"0/4 {GPU} (0 usable now)" in admin.ok("vc", "list")


def test_a_waiting_job_says_what_would_end_it_and_who_is_ahead(admin: Shell) -> None:
    admin.house.run("alice", device_type=GPU, devices=4)
    first = admin.house.submit("alice", device_type=GPU, devices=1)
    admin.house.advance(1)
    second = admin.house.submit("alice", device_type=GPU, devices=1)
    admin.house.work()
    shown = admin.ok("job", "show", second)
    assert "or with a larger quota" in shown
    assert f"jobs ahead       {first[:8]}" in shown
    assert "jobs ahead" not in admin.ok("job", "show", first)


def test_nodes_with_what_is_on_them(admin: Shell) -> None:
    admin.house.run("alice", device_type=GPU, devices=2, name="train")
    lines = admin.ok("cluster", "nodes").splitlines()
    assert lines[1].split()[:8] == ["node-1", "10.0.0.1", GPU, "8", "2", "0", "6", "ready"]
    assert lines[1].endswith("[train : alice (#2)]")
    assert admin.json("cluster", "nodes")["total"] == 2


def test_declared_devices_are_called_simulated(admin: Shell) -> None:
    admin.house.cluster.set_nodes(a_node("node-1", simulated=True))
    admin.house.look()
    assert f"{GPU} (simulated)" in admin.ok("cluster", "nodes")
    assert f"{GPU} (simulated)" in admin.ok("cluster", "status", "--vc", "vision")


def test_cordon_and_back(admin: Shell) -> None:
    assert admin.ok("cluster", "cordon", "node-2") == "node-2 is cordoned\n"
    assert "cordoned" in admin.ok("cluster", "nodes").splitlines()[2]
    assert admin.ok("cluster", "uncordon", "node-2") == "node-2 is ready\n"
    assert admin.run("cluster", "cordon", "node-9").exit_code == 1


def test_without_the_permission(shell: Shell) -> None:
    result = shell.run("cluster", "nodes")
    assert result.exit_code == 1
    assert "view_cluster" in result.output
