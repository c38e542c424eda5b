"""What the replicas of a distributed job are told."""

from __future__ import annotations

import json

import pytest

from plugins.distributed import Distributed, rendezvous_port
from portal.domain.errors import InvalidSpec
from portal.domain.job_state import JobState
from portal.domain.resources import DeviceShape, Slot
from portal.spi import DeviceType
from portal.testing.builders import a_job, a_spec


class Chip(DeviceType):
    name, title = "chip", "CHIP"
    shape = DeviceShape(per_node=8, counts=(0, 1, 2, 4, 8))  # type: ignore[assignment]
    resource_name = "acme/chip"  # type: ignore[assignment]
    node_labels = {}  # type: ignore[assignment]  # noqa: RUF012

    def environment(self, slot: Slot) -> dict[str, str]:
        return {}


def check(nodes: int, devices: int, limit: int) -> dict[str, list[str]]:
    spec = a_spec(kind="distributed", nodes=nodes, devices=devices, device_type="chip")
    try:
        Distributed({}).check(spec, Chip({}), limit)
    except InvalidSpec as invalid:
        return {name: [str(e) for e in errors] for name, errors in invalid.errors.items()}
    return {}


@pytest.mark.parametrize(
    ("nodes", "devices", "limit", "wrong"),
    [
        (2, 8, 16, []),
        (1, 8, 8, []),
        (3, 8, 16, ["nodes"]),
        (2, 3, 16, ["devices"]),
        (2, 16, 64, ["devices"]),
    ],
)
def test_counts(nodes: int, devices: int, limit: int, wrong: list[str]) -> None:
    assert list(check(nodes, devices, limit)) == wrong


def test_every_replica_knows_the_others() -> None:
    job = a_job(JobState.SCHEDULING, spec=a_spec(kind="distributed", nodes=2, devices=4), attempt=2)
    placement = (Slot("n1", (0, 1, 2, 3)), Slot("n2", (4, 5, 6, 7)))
    workload = Distributed({}).workload(job, placement, lambda name: f"{name}.svc")
    assert workload.peers
    assert [r.name for r in workload.replicas] == ["worker-0", "worker-1"]
    assert [r.slot for r in workload.replicas] == list(placement)
    port = str(rendezvous_port(job.id, 2))
    for rank, replica in enumerate(workload.replicas):
        env = replica.env
        assert (env["PET_NODE_RANK"], env["PET_NNODES"]) == (str(rank), "2")
        assert env["PET_NPROC_PER_NODE"] == "4"
        assert (env["MASTER_ADDR"], env["MASTER_PORT"]) == ("worker-0.svc", port)
        assert env["MS_WORKER_NUM"] == "8"
        assert env["AOLI_HOSTS"] == "worker-0.svc:4,worker-1.svc:4"
        config = json.loads(env["TF_CONFIG"])
        assert config["task"] == {"type": "worker", "index": rank}
        assert len(set(config["cluster"]["worker"])) == 2


def test_cpu_only_replicas_run_one_process_each() -> None:
    job = a_job(JobState.SCHEDULING, spec=a_spec(kind="distributed", nodes=2))
    workload = Distributed({}).workload(job, (Slot("n1"), Slot("n1")), str)
    assert {r.env["PET_NPROC_PER_NODE"] for r in workload.replicas} == {"1"}
