"""The built-in device types: shapes, names, settings, environment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from device_plugins.huawei_npu_arm64 import HuaweiNpuArm64
from device_plugins.nvidia_gpu_amd64 import NvidiaGpuAmd64
from portal.spi import DeviceShape, DeviceType, InvalidSpec, NotKnownYet, Seat, Slot

NOTHING, TWO = Slot("node-1"), Slot("node-1", (2, 3))
BOTH = pytest.mark.parametrize("kind", [NvidiaGpuAmd64, HuaweiNpuArm64])


def test_nvidia_as_shipped() -> None:
    gpu = NvidiaGpuAmd64({})
    assert (gpu.name, gpu.title, gpu.resource_name) == ("nvidia_gpu_amd64", "GPU", "nvidia.com/gpu")
    assert gpu.node_labels == {}
    assert gpu.shape == DeviceShape(per_node=8, ring=0, counts=None)
    assert gpu.resources(3) == {"nvidia.com/gpu": 3}
    assert gpu.resources(0) == {}
    gpu.check_count(3, 8)


def test_huawei_as_shipped() -> None:
    npu = HuaweiNpuArm64({})
    assert (npu.name, npu.title) == ("huawei_npu_arm64", "NPU")
    assert npu.resource_name == "huawei.com/Ascend910"
    assert npu.shape == DeviceShape(per_node=8, ring=4, counts=(0, 1, 2, 4, 8))
    with pytest.raises(InvalidSpec) as refused:
        npu.check_count(3, 16)
    assert str(refused.value.errors["devices"][0]) == (
        "Must be a positive integer from 0 to 16, and can only be one of 0, 1, 2, 4, 8"
    )


def test_without_devices_none_are_seen() -> None:
    """Images built on CUDA see every GPU of the node unless they are told not to."""
    assert NvidiaGpuAmd64({}).environment(NOTHING) == {"NVIDIA_VISIBLE_DEVICES": ""}
    assert HuaweiNpuArm64({}).environment(NOTHING) == {"ASCEND_VISIBLE_DEVICES": ""}


def test_with_devices_the_device_plugin_says_which() -> None:
    assert NvidiaGpuAmd64({}).environment(TWO) == {}
    assert HuaweiNpuArm64({}).environment(TWO) == {}
    assert NvidiaGpuAmd64({}).selection(TWO) == {"CUDA_VISIBLE_DEVICES": "2,3"}
    assert HuaweiNpuArm64({}).selection(TWO) == {"ASCEND_RT_VISIBLE_DEVICES": "2,3"}
    assert NvidiaGpuAmd64({}).selection(NOTHING) == {"CUDA_VISIBLE_DEVICES": ""}


@BOTH
def test_everything_can_be_set(kind: type[DeviceType]) -> None:
    made = kind(
        {
            "resource_name": "example.com/chip",
            "node_labels": {"accelerator": "chip"},
            "devices_per_node": 16,
            "counts": [4, 1, 16],
            "ring": 8,
        }
    )
    assert made.resource_name == "example.com/chip"
    assert made.node_labels == {"accelerator": "chip"}
    assert made.shape == DeviceShape(per_node=16, ring=8, counts=(0, 1, 4, 16))


@BOTH
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resource_name", ""),
        ("resource_name", 3),
        ("node_labels", ["accelerator"]),
        ("node_labels", {"accelerator": 910}),
        ("devices_per_node", 0),
        ("devices_per_node", "8"),
        ("devices_per_node", True),
        ("counts", "0,1"),
        ("counts", [0, -1]),
        ("counts", [16]),
        ("ring", 3),
        ("ring", -4),
        ("rings", 4),
    ],
)
def test_a_wrong_setting_is_named(kind: type[DeviceType], key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        kind({key: value})


@BOTH
def test_looking_for_devices_finds_a_number(kind: type[DeviceType]) -> None:
    assert kind({}).detect() >= 0


NOTE = "example.com/configuration"


@pytest.mark.parametrize(
    "settings",
    [
        {"address_note": 3},
        {"device_addresses": ["192.168.0.1"]},
        {"device_addresses": {"node-1": "192.168.0.1"}},
        {"device_addresses": {"node-1": [1, 2]}},
    ],
)
def test_wrong_addresses_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(settings))}: "):
        HuaweiNpuArm64(settings)


def seat(rank: int, note: object = None, **fields: Any) -> Seat:
    notes = {} if note is None else {NOTE: json.dumps(note)}
    slot = Slot(f"node-{rank}", (0, 1))
    return Seat(f"worker-{rank}", rank, slot, f"worker-{rank}.x", f"10.1.0.{rank}", notes, **fields)


def chips(*addresses: str, server: str) -> dict[str, Any]:
    devices = [{"device_id": str(n), "device_ip": ip} for n, ip in enumerate(addresses)]
    return {"server_id": server, "devices": devices}


def test_ranks_go_through_the_replicas_and_their_chips() -> None:
    npu = HuaweiNpuArm64({"address_note": NOTE})
    assert npu.notes == (NOTE,)
    seats = [
        seat(1, chips("192.168.0.3", "192.168.0.4", server="10.0.0.2")),
        seat(0, chips("192.168.0.1", "192.168.0.2", server="10.0.0.1")),
    ]
    (file,) = npu.shared_files(seats)
    table = json.loads(file.text)
    assert (table["status"], table["server_count"]) == ("completed", "2")
    assert [one["server_id"] for one in table["server_list"]] == ["10.0.0.1", "10.0.0.2"]
    assert [one["container_ip"] for one in table["server_list"]] == ["10.1.0.0", "10.1.0.1"]
    found = [chip for one in table["server_list"] for chip in one["device"]]
    assert [chip["rank_id"] for chip in found] == ["0", "1", "2", "3"]
    assert [chip["device_ip"] for chip in found] == [f"192.168.0.{n}" for n in range(1, 5)]


def test_replicas_of_one_server_stand_together() -> None:
    npu = HuaweiNpuArm64({"address_note": NOTE})
    seats = [seat(n, chips("a", "b", server="10.0.0.1")) for n in range(2)]
    (server,) = json.loads(npu.shared_files(seats)[0].text)["server_list"]
    assert [chip["rank_id"] for chip in server["device"]] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "note", [None, "text", {}, {"devices": [{}]}, {"devices": 3}, chips("a", server="10.0.0.1")]
)
def test_a_note_that_tells_too_little_is_waited_for(note: object) -> None:
    with pytest.raises(NotKnownYet, match="worker-0"):
        HuaweiNpuArm64({"address_note": NOTE}).shared_files([seat(0, note)])
