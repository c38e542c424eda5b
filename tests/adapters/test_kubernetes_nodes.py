"""From a node's JSON to the planner's node."""

from __future__ import annotations

from typing import Any

import pytest

from portal.adapters.kubernetes.node_view import (
    BEGINNING,
    DeviceRule,
    devices_of,
    health_of,
    held_by_node,
    node_of,
)
from portal.domain.resources import Node

GPU = DeviceRule("gpu", "nvidia.com/gpu")
NPU = DeviceRule("npu", "huawei.com/npu", {"kind": "910"})
TOLERATIONS = [{"key": "nvidia.com/gpu", "operator": "Exists"}]


def a_raw_node(
    devices: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    ready: str = "True",
    **spec: Any,
) -> dict[str, Any]:
    when = "2026-11-02T12:00:00Z"
    return {
        "metadata": {"name": "node-1", "labels": labels or {}},
        "spec": spec,
        "status": {
            "capacity": devices or {},
            "allocatable": devices or {},
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": when}],
            "addresses": [
                {"type": "Hostname", "address": "node-1"},
                {"type": "InternalIP", "address": "10.0.0.7"},
            ],
        },
    }


def view(raw: dict[str, Any], foreign: dict[str, int] | None = None) -> Node:
    return node_of(raw, [GPU, NPU], TOLERATIONS, foreign or {})


def test_a_gpu_node() -> None:
    labels = {"zone": "a"}
    raw = a_raw_node({"cpu": "96", "nvidia.com/gpu": "8"}, labels)
    assert view(raw, {"nvidia.com/gpu": 2}) == Node(
        name="node-1",
        ip="10.0.0.7",
        device_type="gpu",
        devices=8,
        ready=True,
        cordoned=False,
        foreign_devices=2,
        simulated=False,
        labels=labels,
    )


def test_a_node_without_devices_is_a_node() -> None:
    node = view(a_raw_node({"cpu": "96"}), {"nvidia.com/gpu": 2})
    assert (node.device_type, node.devices, node.foreign_devices) == (None, 0, 0)


@pytest.mark.parametrize(
    ("devices", "labels", "device_type", "count"),
    [
        ({"huawei.com/npu": "8"}, {"kind": "910"}, "npu", 8),
        ({"huawei.com/npu": "8"}, {"kind": "310"}, None, 0),
        ({}, {"kind": "910"}, "npu", 0),
        ({"nvidia.com/gpu": "0"}, {}, "gpu", 0),
        ({"nvidia.com/gpu": "4"}, {"kind": "910"}, "gpu", 4),
        ({"nvidia.com/gpu": "2k"}, {}, "gpu", 2000),
    ],
)
def test_the_type_is_told_by_resource_and_labels(
    devices: dict[str, str], labels: dict[str, str], device_type: str | None, count: int
) -> None:
    node = view(a_raw_node(devices, labels))
    assert (node.device_type, node.devices) == (device_type, count)


@pytest.mark.parametrize("ready", ["False", "Unknown"])
def test_a_node_that_is_not_ready(ready: str) -> None:
    node = view(a_raw_node(ready=ready))
    assert not node.ready
    assert not node.cordoned


def test_a_node_that_never_said_anything_is_not_ready() -> None:
    health = health_of({"metadata": {"name": "new"}})
    assert (health.ready, health.since) == (False, BEGINNING)


@pytest.mark.parametrize(
    ("taint", "cordoned"),
    [
        ({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, False),
        ({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}, False),
        ({"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}, False),
        ({"key": "team", "value": "other", "effect": "PreferNoSchedule"}, False),
        ({"key": "team", "value": "other", "effect": "NoSchedule"}, True),
        ({"key": "team", "value": "other", "effect": "NoExecute"}, True),
        ({"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}, True),
    ],
)
def test_taints(taint: dict[str, str], cordoned: bool) -> None:
    assert view(a_raw_node(taints=[taint])).cordoned is cordoned


def test_a_toleration_of_one_value_and_effect() -> None:
    raw = a_raw_node(taints=[{"key": "team", "value": "ours", "effect": "NoSchedule"}])
    for toleration, cordoned in (
        ({"key": "team", "value": "ours"}, False),
        ({"key": "team", "value": "others"}, True),
        ({"key": "team", "operator": "Exists", "effect": "NoExecute"}, True),
        ({"operator": "Exists"}, False),
    ):
        assert node_of(raw, [GPU], [toleration], {}).cordoned is cordoned


def test_cordoned_and_simulated() -> None:
    assert view(a_raw_node(unschedulable=True)).cordoned
    assert view(a_raw_node(labels={"sim": "node"})).simulated


def asking(count: str, node: str = "node-1", phase: str = "Running", first: str = "") -> Any:
    def containers(number: str) -> list[dict[str, Any]]:
        return [{"resources": {"limits": {"nvidia.com/gpu": number}}}] if number else []

    spec = {"nodeName": node, "containers": containers(count), "initContainers": containers(first)}
    return {"spec": spec, "status": {"phase": phase}}


def test_what_pods_hold() -> None:
    resources = ("nvidia.com/gpu", "huawei.com/npu")
    assert devices_of(asking("2"), resources) == {"nvidia.com/gpu": 2}
    assert devices_of(asking("2", first="4"), resources) == {"nvidia.com/gpu": 4}
    assert devices_of(asking("2", phase="Succeeded"), resources) == {}
    assert devices_of(asking(""), resources) == {}
    pods = [asking("2"), asking("1"), asking("8", "node-2"), asking("8", "")]
    assert held_by_node(pods, resources) == {
        "node-1": {"nvidia.com/gpu": 3},
        "node-2": {"nvidia.com/gpu": 8},
    }
