"""From an admitted job to what its cluster is handed."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from portal.domain.errors import (
    NotKnownYet,
    PermanentFailure,
    PluginFailed,
    PluginSlow,
    TemporaryFailure,
)
from portal.domain.job import MOUNT_POINTS, Job, RegistryLogin
from portal.domain.launch import (
    HostMount,
    Launch,
    Observed,
    Replica,
    ReplicaLaunch,
    ReplicaPhase,
    Seat,
    SharedFile,
    Workload,
)
from portal.domain.limits import exec_problem
from portal.domain.resources import Slot
from portal.domain.storage_path import SHARED, roots
from portal.ports import Cluster
from portal.services.running import stop_notice as notice
from portal.spi.device_type import DeviceType
from portal.spi.registry import Registry

log = logging.getLogger(__name__)


def build(
    job: Job,
    cluster: Cluster,
    registry: Registry,
    storage_root: str,
    login: RegistryLogin | None,
) -> Launch:
    """The launch of the job's present attempt.

    Raises ``PermanentFailure`` when a plugin that the job needs is no longer installed, or
    fails, or when what it adds is more than a program can be started with; ``PluginSlow`` when
    one does not answer in time.
    """
    workload = _workload(job, cluster, registry)
    device_type = None
    if job.spec.device_type is not None:
        device_type = registry.device_types.get(job.spec.device_type)
        if device_type is None:
            raise PermanentFailure(f"the device type {job.spec.device_type} is not installed")
    asked = device_type if job.spec.devices else None
    about_all = _shared_files(asked, _seats(job, workload, cluster)) if asked else ()
    replicas = tuple(
        _replica(job, replica, device_type, registry, storage_root) for replica in workload.replicas
    )
    _check_size(replicas)
    return Launch(
        ref=job.ref,
        job_name=job.spec.name,
        username=job.username,
        user_id=job.user_id,
        image=job.spec.image,
        replicas=replicas,
        registry=login,
        peers=workload.peers,
        grace_s=job.stop_grace_s,
        files=(*workload.files, *about_all),
        logins=workload.logins,
        concealed=tuple(job.spec.secret_env),
    )


def _check_size(replicas: tuple[ReplicaLaunch, ...]) -> None:
    """What a kind or a device type adds to a submission of legal size may be too much."""
    for replica in replicas:
        problem = exec_problem(replica.command, {**replica.env, **replica.selection})
        if problem is not None:
            raise PermanentFailure(f"{replica.name} cannot be started: {problem}")


def late_files(
    job: Job, observed: Observed, cluster: Cluster, registry: Registry
) -> tuple[SharedFile, ...]:
    """The shared files whose texts are known only now that all replicas run; mostly none.

    Raises ``NotKnownYet`` when the cluster has not said everything, ``PermanentFailure`` when
    a plugin fails.
    """
    asked = registry.device_types.get(job.spec.device_type or "") if job.spec.devices else None
    if asked is None or not any(r.phase is ReplicaPhase.RUNNING for r in observed.replicas):
        return ()
    seen = {replica.name: replica for replica in observed.replicas}
    seats = [
        dataclasses.replace(seat, address=seen[seat.name].address, notes=seen[seat.name].notes)
        for seat in _seats(job, _workload(job, cluster, registry), cluster)
        if seat.name in seen
    ]
    return _shared_files(asked, seats)


def _shared_files(asked: DeviceType, seats: list[Seat]) -> tuple[SharedFile, ...]:
    with _blamed_on(f"the device type {asked.name}"):
        return tuple(asked.shared_files(seats))


def _workload(job: Job, cluster: Cluster, registry: Registry) -> Workload:
    kind = registry.job_kinds.get(job.spec.kind)
    if kind is None:
        raise PermanentFailure(f"the job kind {job.spec.kind} is not installed")
    with _blamed_on(f"the job kind {kind.name}"):
        workload = kind.workload(
            job, job.placement, lambda replica: cluster.host_of(job.ref, replica)
        )
        if len(workload.replicas) != len(job.placement):
            raise ValueError(f"{len(workload.replicas)} replicas for {len(job.placement)} places")
        return workload


def _seats(job: Job, workload: Workload, cluster: Cluster) -> list[Seat]:
    return [
        Seat(
            name=replica.name,
            rank=replica.rank,
            slot=replica.slot,
            host=cluster.host_of(job.ref, replica.name) if workload.peers else "",
        )
        for replica in sorted(workload.replicas, key=lambda replica: replica.rank)
    ]


def _replica(
    job: Job,
    replica: Replica,
    device_type: DeviceType | None,
    registry: Registry,
    storage_root: str,
) -> ReplicaLaunch:
    asked = device_type if job.spec.devices else None
    # Without it Python keeps output back until a block is full, and the console stands still.
    env = {"PYTHONUNBUFFERED": "1", **job.spec.env}
    env.update(replica.env)
    for every in registry.device_types.values():
        # A type that the job does not ask for hides its devices: an image built on CUDA
        # sees every GPU otherwise.
        if every is not asked:
            env.update(_hiding(every, replica.slot.node))
    plain = ReplicaLaunch(
        name=replica.name,
        rank=replica.rank,
        command=replica.command,
        slot=replica.slot,
        env=env,
        mounts=storage_mounts(job, storage_root),
        ports=replica.ports,
        host=replica.name,
        serves=replica.serves,
    )
    whole = plain if asked is None else _with_devices(plain, asked)
    return dataclasses.replace(whole, env={**whole.env, **_facts(job, replica)})


def _with_devices(replica: ReplicaLaunch, asked: DeviceType) -> ReplicaLaunch:
    """The same with what its device type adds."""
    slot = replica.slot
    with _blamed_on(f"the device type {asked.name}"):
        return dataclasses.replace(
            replica,
            env={**replica.env, **asked.environment(slot)},
            mounts=(*replica.mounts, *asked.mounts(slot)),
            resources=asked.resources(len(slot.devices)),
            selection=asked.selection(slot),
            node_labels=asked.node_labels,
        )


def _hiding(device_type: DeviceType, node: str) -> Mapping[str, str]:
    """What hides a type's devices; a plugin that fails there must not stop others' jobs."""
    try:
        return dict(device_type.environment(Slot(node)))
    except Exception:
        log.exception("the device type %s cannot hide its devices", device_type.name)
        return {}


@contextmanager
def _blamed_on(plugin: str) -> Iterator[None]:
    """A plugin's own error is final: the same call would only fail again. One that is only
    slow (``PluginSlow``) may be quicker the next time.
    """
    try:
        yield
    except (NotKnownYet, PermanentFailure, TemporaryFailure, PluginSlow):
        raise
    except PluginFailed as error:
        raise PermanentFailure(error.message) from error
    except Exception as error:
        log.exception("%s failed", plugin)
        raise PermanentFailure(f"{plugin} failed: {type(error).__name__}: {error}") from error


def _facts(job: Job, replica: Replica) -> Mapping[str, str]:
    """What every replica is told; names beginning with ``AOLI_`` are reserved for it."""
    where = notice.place(job)
    return {
        **({"AOLI_NOTICE": where} if where else {}),
        "AOLI_JOB_ID": job.id,
        "AOLI_JOB_NAME": job.spec.name,
        "AOLI_ATTEMPT": str(job.attempt),
        "AOLI_USER": job.username,
        "AOLI_VC": job.spec.vc,
        "AOLI_REPLICA": replica.name,
        "AOLI_RANK": str(replica.rank),
        "AOLI_NODES": str(job.spec.nodes),
        "AOLI_DEVICES": ",".join(str(index) for index in replica.slot.devices),
    }


def storage_mounts(job: Job, storage_root: str) -> tuple[HostMount, ...]:
    """The mounts that the job has switched on."""
    folders = roots(storage_root, job.username, job.id, job.submitted_at)
    return tuple(
        HostMount(
            name=name,
            source=folders[name],
            sub_path=choice.sub_path,
            target=target,
            shared=name in SHARED,
        )
        for name, target in MOUNT_POINTS.items()
        if (choice := job.spec.mounts[name]).enabled
    )
