"""What replicas must know of each other is there before their job counts as running."""

from __future__ import annotations

import json
from typing import Any

import pytest
from house import NPU, House

from device_plugins.huawei_npu_arm64 import HuaweiNpuArm64
from portal.domain.launch import Launch

NOTE = "ascend.kubectl.kubernetes.io/ascend-910-configuration"
IPS = [f"192.168.100.{number}" for number in range(8)]


@pytest.fixture
def noted(house: House) -> House:
    """The device plugin writes down what it gives."""
    types: Any = house.portal.registry.device_types
    types[NPU] = HuaweiNpuArm64({"address_note": NOTE})
    return house


def launched(house: House, **fields: Any) -> str:
    job_id = house.submit(vc="platform", device_type=NPU, **fields)
    house.work()
    house.cluster.run(house.ref(job_id))
    return job_id


def table(house: House, job_id: str) -> Any:
    return json.loads(house.cluster.files[house.ref(job_id)]["hccl.json"])


def says(*devices: int) -> dict[str, str]:
    chips = [{"device_id": str(n), "device_ip": IPS[n]} for n in devices]
    return {NOTE: json.dumps({"pod_name": "p", "server_id": "10.0.0.2", "devices": chips})}


def test_a_rank_table_is_complete_before_the_job_runs(noted: House) -> None:
    job_id = launched(noted, devices=2)
    (file,) = noted.cluster.launches[0].files
    assert file.variables == ("RANK_TABLE_FILE",)
    noted.look()
    assert noted.state(job_id) == "scheduling", "its device plugin has not spoken yet"
    assert table(noted, job_id)["status"] == "initializing"
    noted.cluster.note(noted.ref(job_id), says(4, 6))
    noted.look()
    assert noted.state(job_id) == "running"
    assert table(noted, job_id) == {
        "version": "1.0",
        "status": "completed",
        "server_count": "1",
        "server_list": [
            {
                "server_id": "10.0.0.2",
                "container_ip": "127.0.0.1",
                "device": [
                    {"device_id": "4", "device_ip": IPS[4], "rank_id": "0"},
                    {"device_id": "6", "device_ip": IPS[6], "rank_id": "1"},
                ],
            }
        ],
    }


def test_what_is_never_said_ends_the_job_with_words_that_help(noted: House) -> None:
    job_id = launched(noted, devices=1)
    noted.look()
    noted.advance(61)
    noted.look()
    assert noted.state(job_id) == "error"
    reason = noted.job(job_id).reason
    assert reason is not None
    assert NOTE in reason.message
    assert "node-2" in reason.message


def test_a_job_that_has_ended_waits_for_nothing(noted: House) -> None:
    job_id = launched(noted, devices=1)
    noted.end(job_id, exit_code=3)
    assert noted.state(job_id) == "failed"


def test_addresses_that_an_administrator_wrote_down(house: House) -> None:
    types: Any = house.portal.registry.device_types
    types[NPU] = HuaweiNpuArm64({"device_addresses": {"node-2": IPS}})
    job_id = launched(house, devices=8)
    house.look()
    assert house.state(job_id) == "running"
    (server,) = table(house, job_id)["server_list"]
    assert [chip["device_ip"] for chip in server["device"]] == IPS
    house.end(job_id)
    launched(house, devices=4)
    launch: Launch = house.cluster.launches[-1]
    assert launch.files == (), "which four of the node's chips is not known"


def test_without_addresses_there_is_no_table(house: House) -> None:
    job_id = launched(house, devices=8)
    house.look()
    assert house.state(job_id) == "running"
    assert house.cluster.launches[0].files == ()
