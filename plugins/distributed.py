"""Distributed Job: one replica per node, each knowing all the others.

What each framework reads is set for it:

- torchrun: ``PET_NNODES, PET_NPROC_PER_NODE, PET_NODE_RANK, PET_MASTER_ADDR,
  PET_MASTER_PORT`` (the names that Kubeflow's Trainer injects), and plain ``MASTER_ADDR``
  and ``MASTER_PORT``. ``RANK`` and ``WORLD_SIZE`` are per process, so torchrun sets them.
- TensorFlow: ``TF_CONFIG`` with one worker per replica.
- MindSpore: ``MS_WORKER_NUM, MS_NODE_RANK, MS_SCHED_HOST, MS_SCHED_PORT, MS_ROLE``.
- MPI, Horovod, DeepSpeed: a hostfile (``worker-0 slots=8`` …) at ``AOLI_HOSTFILE``, which
  Open MPI takes by itself, and at ``/job/hostfile``; ``AOLI_HOSTS`` with the same as
  ``mpirun -H`` and ``horovodrun -H`` take it. Replicas log in to each other by ``ssh worker-1``
  where they have networks of their own.

Such launchers start all processes themselves. With ``run_on: first`` the command runs on the
first replica only, once the others answer; they end with it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

from plugins import shell_words
from portal.spi import (
    DeviceType,
    InvalidSpec,
    Job,
    JobKind,
    JobSpec,
    Placement,
    Replica,
    SharedFile,
    Workload,
)

FIRST_PORT, PORTS = 20000, 5000
"""Rendezvous ports lie here: below the interactive ports and Linux' ephemeral ones."""
EVERY, FIRST = "every", "first"
MAX_NODES = 1500
"""Every replica is told of all others in one variable; Linux takes 131,071 bytes in one."""
HOSTFILE_VARIABLES = (
    "AOLI_HOSTFILE",
    "OMPI_MCA_orte_default_hostfile",
    "PRTE_MCA_prte_default_hostfile",
)


class Distributed(JobKind):
    """Runs the command on each of several nodes at the same time, or on the first for all.

    The field ``run_on`` says which: ``every`` (as without it) or ``first``.
    """

    spi_version = 1
    name = "distributed"
    title = "Distributed"
    multi_node = True
    fields = ("run_on",)
    field_titles: ClassVar[Mapping[str, str]] = {"run_on": "Run the command on"}
    field_choices: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "run_on": {EVERY: "Every node", FIRST: "The first node (mpirun, horovodrun, deepspeed)"}
    }

    def check(self, spec: JobSpec, device_type: DeviceType | None, limit: int) -> JobSpec:
        """A count per node that the type can give, and a total that the quota can hold."""
        spec = replace(spec, extra={"run_on": FIRST} if _run_on(spec) == FIRST else {})
        if spec.nodes > MAX_NODES:
            raise InvalidSpec("nodes", "At most %(max)s nodes", max=MAX_NODES)
        if device_type is None:
            return spec
        device_type.check_count(spec.devices, limit)
        if spec.devices > device_type.shape.per_node:
            raise InvalidSpec(
                "devices", "A node has at most %(max)s", max=device_type.shape.per_node
            )
        if spec.total_devices > limit:
            raise InvalidSpec(
                "nodes",
                "%(total)s devices in all are more than the quota of %(limit)s",
                total=spec.total_devices,
                limit=limit,
            )
        return spec

    def workload(self, job: Job, placement: Placement, host_of: Callable[[str], str]) -> Workload:
        """Replicas ``worker-0`` … in rank order; they start together or not at all."""
        names = [f"worker-{rank}" for rank in range(len(placement))]
        hosts = [host_of(name) for name in names]
        port = rendezvous_port(job.id, job.attempt)
        slots = max(job.spec.devices, 1)
        shared = _shared_environment(hosts, port, slots)
        first_only = job.spec.extra.get("run_on") == FIRST
        peers = [_short(host, name) for host, name in zip(hosts, names, strict=True)]
        replicas = [
            Replica(
                name=name,
                rank=rank,
                command=_command(job.spec.command, rank, peers, first_only),
                slot=slot,
                env={**shared, **_own_environment(hosts, port, rank)},
                ports=(*job.spec.interactive_ports, port, port + 1, port + 2 + rank),
                serves=first_only and rank > 0,
            )
            for rank, (name, slot) in enumerate(zip(names, placement, strict=True))
        ]
        lines = "".join(f"{peer} slots={slots}\n" for peer in peers)
        hostfile = SharedFile("hostfile", lines, HOSTFILE_VARIABLES)
        return Workload(tuple(replicas), peers=True, files=(hostfile,), logins=True)


def _run_on(spec: JobSpec) -> str:
    """Where the command runs; the form sends nothing when nothing is chosen."""
    chosen = spec.extra.get("run_on") or EVERY
    if chosen not in (EVERY, FIRST):
        raise InvalidSpec("run_on", "Must be one of %(values)s", values=f"{EVERY}, {FIRST}")
    return str(chosen)


def _short(host: str, name: str) -> str:
    """The name by which a replica knows itself, where its host name begins with that."""
    return name if host.startswith(f"{name}.") else host


def _command(command: str, rank: int, peers: list[str], first_only: bool) -> str:
    if not first_only:
        return shell_words.every(command)
    return shell_words.serving() if rank else shell_words.first(command, peers[1:])


def rendezvous_port(job_id: str, attempt: int) -> int:
    """A port that the attempt's replicas agree on without asking anybody.

    Spread by job, so that jobs on one machine without networks of their own rarely meet;
    room is left behind it for the ports that follow.
    """
    slot = zlib.crc32(f"{job_id}.{attempt}".encode()) % (PORTS // 50)
    return FIRST_PORT + slot * 50


def _shared_environment(hosts: list[str], port: int, slots: int) -> Mapping[str, str]:
    first = hosts[0]
    return {
        "MASTER_ADDR": first,
        "MASTER_PORT": str(port),
        "PET_MASTER_ADDR": first,
        "PET_MASTER_PORT": str(port),
        "PET_NNODES": str(len(hosts)),
        "PET_NPROC_PER_NODE": str(slots),
        "MS_SCHED_HOST": first,
        "MS_SCHED_PORT": str(port + 1),
        "MS_ROLE": "MS_WORKER",
        "MS_WORKER_NUM": str(len(hosts) * slots),
        # In a container everybody is root, and mpirun would refuse.
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "AOLI_HOSTS": ",".join(f"{host}:{slots}" for host in hosts),
    }


def _own_environment(hosts: list[str], port: int, rank: int) -> Mapping[str, str]:
    """What differs by replica. Each TensorFlow worker has a port of its own, because on one
    machine all hosts may be the same."""
    workers = [f"{host}:{port + 2 + index}" for index, host in enumerate(hosts)]
    config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}
    return {
        "PET_NODE_RANK": str(rank),
        "MS_NODE_RANK": str(rank),
        "TF_CONFIG": json.dumps(config, separators=(",", ":")),
    }
