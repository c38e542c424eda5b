"""What the replicas of a distributed job are told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plugins import distributed, shell_words
from plugins.distributed import MAX_NODES, Distributed, rendezvous_port
from portal.domain import limits
from portal.domain.errors import InvalidSpec
from portal.domain.job_state import JobState
from portal.domain.resources import DeviceShape, Slot
from portal.spi import DeviceType, Workload
from portal.testing.builders import a_job, a_spec


class Chip(DeviceType):
    spi_version = 1
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


def test_of_the_most_nodes_every_variable_still_fits_into_a_word() -> None:
    assert list(check(MAX_NODES + 1, 8, 10**6)) == ["nodes"]
    assert check(MAX_NODES, 8, 10**6) == {}
    names = [f"worker-{rank}" for rank in range(MAX_NODES)]
    hosts = [f"{name}.aoli-{'0' * 36}-999" for name in names]
    env = {
        **distributed._shared_environment(hosts, 24999, 8),
        **distributed._own_environment(hosts, 24999, MAX_NODES - 1),
    }
    command = "x" * limits.MAX_COMMAND_BYTES
    for rank in (0, MAX_NODES - 1):
        for first_only in (True, False):
            run = distributed._command(command, rank, names, first_only)
            assert limits.exec_problem(run, env) is None


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


def made(**fields: Any) -> Workload:
    spec = a_spec(kind="distributed", nodes=3, command="train", **fields)
    placement = tuple(Slot(f"n{number}", (0, 1)) for number in range(3))
    return Distributed({}).workload(
        a_job(JobState.SCHEDULING, spec=spec), placement, lambda name: f"{name}.aoli-x-1"
    )


def test_the_hostfile_has_the_names_by_which_replicas_know_themselves() -> None:
    (hostfile,) = made(devices=2).files
    assert hostfile.text == "worker-0 slots=2\nworker-1 slots=2\nworker-2 slots=2\n"
    assert "AOLI_HOSTFILE" in hostfile.variables
    assert "OMPI_MCA_orte_default_hostfile" in hostfile.variables


def test_on_one_machine_all_hosts_are_the_same() -> None:
    job = a_job(JobState.SCHEDULING, spec=a_spec(kind="distributed", nodes=2))
    workload = Distributed({}).workload(job, (Slot("n"), Slot("n")), lambda _: "127.0.0.1")
    assert workload.files[0].text == "127.0.0.1 slots=1\n127.0.0.1 slots=1\n"


def test_every_replica_runs_the_command_unless_only_the_first_is_to() -> None:
    every = made()
    assert all(replica.command.endswith("train") for replica in every.replicas)
    assert not any(replica.serves for replica in every.replicas)
    first, *others = made(extra={"run_on": "first"}).replicas
    assert first.command.endswith("train")
    assert "for aoli_host in worker-1 worker-2;" in first.command
    assert [replica.serves for replica in (first, *others)] == [False, True, True]
    assert not any("train" in replica.command for replica in others)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {}),
        ({"run_on": ""}, {}),
        ({"run_on": "every"}, {}),
        ({"run_on": "first"}, {"run_on": "first"}),
    ],
)
def test_where_the_command_runs(given: dict[str, str], kept: dict[str, str]) -> None:
    spec = a_spec(kind="distributed", nodes=2, extra=given)
    assert Distributed({}).check(spec, None, 0).extra == kept


@pytest.mark.parametrize("wrong", ["last", 3, ["first"]])
def test_where_it_cannot_run(wrong: Any) -> None:
    spec = a_spec(kind="distributed", nodes=2, extra={"run_on": wrong})
    with pytest.raises(InvalidSpec) as refused:
        Distributed({}).check(spec, None, 0)
    assert list(refused.value.errors) == ["run_on"]


def run(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def test_the_words_around_a_command_leave_it_alone() -> None:
    every = run(shell_words.every("echo one\nexit 3"))
    assert (every.stdout, every.stderr, every.returncode) == ("one\n", "", 3)
    alone = run(shell_words.first("echo $0; exit 4", ["127.0.0.1"]))
    assert (alone.stderr, alone.returncode) == ("", 4)


def test_an_image_without_ssh_says_so(tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path), "AOLI_SSH_PORT": "1"}
    first = run(shell_words.first("echo never", ["worker-1"]), **nowhere)
    assert (first.stdout, first.returncode) == ("", 127)
    assert "no SSH client" in first.stderr


def test_cpu_only_replicas_run_one_process_each() -> None:
    job = a_job(JobState.SCHEDULING, spec=a_spec(kind="distributed", nodes=2))
    workload = Distributed({}).workload(job, (Slot("n1"), Slot("n1")), str)
    assert {r.env["PET_NPROC_PER_NODE"] for r in workload.replicas} == {"1"}
