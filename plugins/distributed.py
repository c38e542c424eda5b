"""Distributed Job: one replica per node, each knowing all the others.

What each framework reads is set for it:

- torchrun: ``PET_NNODES, PET_NPROC_PER_NODE, PET_NODE_RANK, PET_MASTER_ADDR,
  PET_MASTER_PORT`` (the names that Kubeflow's Trainer injects), and plain ``MASTER_ADDR``
  and ``MASTER_PORT``. ``RANK`` and ``WORLD_SIZE`` are per process, so torchrun sets them.
- TensorFlow: ``TF_CONFIG`` with one worker per replica.
- MindSpore: ``MS_WORKER_NUM, MS_NODE_RANK, MS_SCHED_HOST, MS_SCHED_PORT, MS_ROLE``.
- MPI and Horovod: ``AOLI_HOSTS``, ``host:slots`` separated by commas, as ``mpirun -H`` and
  ``horovodrun -H`` take it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping

from portal.spi import DeviceType, InvalidSpec, Job, JobKind, JobSpec, Placement, Replica, Workload

FIRST_PORT, PORTS = 20000, 5000
"""Rendezvous ports lie here: below the interactive ports and Linux' ephemeral ones."""


class Distributed(JobKind):
    """Runs the command once on each of several nodes at the same time."""

    name = "distributed"
    title = "Distributed"
    multi_node = True

    def check(self, spec: JobSpec, device_type: DeviceType | None, limit: int) -> JobSpec:
        """A count per node that the type can give, and a total that the quota can hold."""
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
        shared = _shared_environment(hosts, port, job.spec.devices)
        replicas = [
            Replica(
                name=name,
                rank=rank,
                command=job.spec.command,
                slot=slot,
                env={**shared, **_own_environment(hosts, port, rank)},
                ports=(*job.spec.interactive_ports, port, port + 1, port + 2 + rank),
            )
            for rank, (name, slot) in enumerate(zip(names, placement, strict=True))
        ]
        return Workload(replicas=tuple(replicas), peers=True)


def rendezvous_port(job_id: str, attempt: int) -> int:
    """A port that the attempt's replicas agree on without asking anybody.

    Spread by job, so that jobs on one machine without networks of their own rarely meet;
    room is left behind it for the ports that follow.
    """
    slot = zlib.crc32(f"{job_id}.{attempt}".encode()) % (PORTS // 50)
    return FIRST_PORT + slot * 50


def _shared_environment(hosts: list[str], port: int, devices: int) -> Mapping[str, str]:
    slots = max(devices, 1)
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
