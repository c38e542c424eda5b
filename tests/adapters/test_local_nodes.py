"""Nodes of the local runtime, and its preview of a launch."""

from __future__ import annotations

from pathlib import Path

from local_replicas import Place

from portal.adapters.local.nodes import SIMULATED_LABEL, hostname
from portal.testing import a_launch


def test_one_node_for_each_declared_type(tmp_path: Path) -> None:
    cluster = Place(tmp_path).cluster(devices={"npu": 8, "gpu": 4, "none": 0})
    nodes = cluster.nodes()
    assert [node.name for node in nodes] == [f"{hostname()}-gpu", f"{hostname()}-npu"]
    assert [(node.device_type, node.devices) for node in nodes] == [("gpu", 4), ("npu", 8)]
    assert all(node.simulated and node.labels == {SIMULATED_LABEL: "true"} for node in nodes)


def test_devices_that_were_found_are_not_simulated(tmp_path: Path) -> None:
    (node,) = Place(tmp_path).cluster(devices={"gpu": 1}, simulated=False).nodes()
    assert not node.simulated
    assert node.labels == {}


def test_without_devices_there_is_one_plain_node(tmp_path: Path) -> None:
    (node,) = Place(tmp_path).cluster().nodes()
    assert (node.name, node.device_type, node.devices) == (hostname(), None, 0)
    assert not node.simulated
    assert node.schedulable


def test_a_cordon_is_seen_by_other_processes(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.cluster().set_cordoned(hostname(), True)
    assert [node.cordoned for node in place.cluster().nodes()] == [True]


def test_the_preview_blots_what_looks_secret(tmp_path: Path) -> None:
    env = {"EPOCHS": "3", "HF_TOKEN": "hush!", "DB_PASSWORD": "hush!", "MONKEY": "see"}
    (entry,) = Place(tmp_path).cluster().manifests(a_launch("train", env=env))
    assert entry["command"] == "train"
    assert entry["environment"]["EPOCHS"] == "3"
    assert entry["environment"]["MONKEY"] == "see"
    assert "hush!" not in str(entry)
