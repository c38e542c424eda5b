"""From a :class:`Launch` to the objects that Kubernetes is asked to make. Pure.

Only fields that Kubernetes 1.20 knows and that have not been removed since are used.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.adapters.kubernetes import naming, sharing
from portal.adapters.kubernetes.logins import LoginKey
from portal.adapters.kubernetes.shell import container_command, literal
from portal.domain.job import AttemptRef, RegistryLogin
from portal.domain.launch import HostMount, Launch, ReplicaLaunch
from portal.domain.secret_words import REDACTED, redacted

BLOT = REDACTED
_DOCKER_HUB = "https://index.docker.io/v1/"
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a mount point in the container, not a file

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whose the objects are made."""

    namespace: str
    instance: str
    tolerations: tuple[Mapping[str, Any], ...] = ()
    cluster_domain: str = "cluster.local"


def build(launch: Launch, target: Target, key: LoginKey) -> list[Manifest]:
    """Everything of one attempt, in the order in which it must be made.

    ``key`` is used when replicas log in to each other.
    """
    ref = launch.ref
    made: list[Manifest] = []
    if launch.registry is not None:
        made.append(_secret(ref, launch.registry, target))
    if launch.logins:
        login = _object("Secret", _metadata(ref, naming.login_name(ref), target))
        made.append({**login, "type": "Opaque", "data": sharing.login_data(launch, key)})
    if launch.files:
        files = _object("ConfigMap", _metadata(ref, naming.files_name(ref), target))
        made.append({**files, "data": sharing.file_data(launch.files)})
    if launch.peers:
        made.append(_service(launch.ref, target))
    made.extend(_pod(launch, replica, target) for replica in launch.replicas)
    return made


def blotted(manifests: Sequence[Manifest], secret_env: Sequence[str] = ()) -> list[Manifest]:
    """The same to be looked at: log-ins and what is secret in variables and command redacted.

    ``secret_env`` are names of variables that are secret whatever they are called.
    """
    shown: list[Manifest] = json.loads(json.dumps(manifests))
    for manifest in shown:
        if manifest["kind"] == "Secret":
            manifest["data"] = dict.fromkeys(manifest["data"], REDACTED)
        for container in manifest.get("spec", {}).get("containers", ()):
            env = {variable["name"]: variable["value"] for variable in container["env"]}
            asked = {"command": container["command"], "env": env, "secret_env": secret_env}
            clean, _ = redacted(asked)
            container["command"] = clean["command"]
            for variable in container["env"]:
                variable["value"] = clean["env"][variable["name"]]
    return shown


def _object(kind: str, metadata: Mapping[str, Any]) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": dict(metadata)}


def _metadata(ref: AttemptRef, name: str, target: Target) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": target.namespace,
        "labels": {
            naming.LABEL_MANAGED_BY: naming.MANAGED_BY,
            naming.LABEL_INSTANCE: target.instance,
            naming.LABEL_JOB: ref.job_id,
            naming.LABEL_ATTEMPT: str(ref.attempt),
        },
    }


def _secret(ref: AttemptRef, login: RegistryLogin, target: Target) -> Manifest:
    pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    entry = {"username": login.username, "password": login.password, "auth": pair}
    config = json.dumps({"auths": {_registry_key(login.server): entry}})
    return {
        **_object("Secret", _metadata(ref, naming.secret_name(ref), target)),
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()},
    }


def _registry_key(server: str) -> str:
    """The registry as kubelet looks it up; Docker Hub goes by a name of its own."""
    name = server.strip().rstrip("/")
    bare = name.removeprefix("https://").removeprefix("http://")
    return _DOCKER_HUB if bare in ("", "docker.io", "index.docker.io", "hub.docker.com") else name


def _service(ref: AttemptRef, target: Target) -> Manifest:
    metadata = _metadata(ref, naming.service_name(ref), target)
    return {
        **_object("Service", metadata),
        "spec": {
            "clusterIP": "None",
            "selector": dict(metadata["labels"]),
            # Replicas look for each other while they start.
            "publishNotReadyAddresses": True,
        },
    }


def _pod(launch: Launch, replica: ReplicaLaunch, target: Target) -> Manifest:
    ref = launch.ref
    metadata = _metadata(ref, naming.pod_name(ref, replica.name), target)
    metadata["labels"] = {
        **{_own_key(key): naming.label_value(value) for key, value in launch.labels.items()},
        **metadata["labels"],
        naming.LABEL_REPLICA: naming.label_value(replica.name),
    }
    metadata["annotations"] = {
        naming.ANNOTATION_REPLICA: replica.name,
        naming.ANNOTATION_RANK: str(replica.rank),
        naming.ANNOTATION_DEVICES: ",".join(str(index) for index in replica.slot.devices),
        naming.ANNOTATION_JOB_NAME: launch.job_name,
        naming.ANNOTATION_USER: launch.username,
        **({naming.ANNOTATION_SERVES: "true"} if replica.serves else {}),
    }
    return {**_object("Pod", metadata), "spec": _pod_spec(launch, replica, target)}


def _own_key(key: str) -> str:
    return key if "/" in key else f"aoli/{key}"


def _pod_spec(launch: Launch, replica: ReplicaLaunch, target: Target) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": launch.grace_s,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [_container(launch, replica)],
        "volumes": [*(_volume(mount) for mount in replica.mounts), *sharing.volumes(launch)],
        "tolerations": [dict(toleration) for toleration in target.tolerations],
    }
    if not any(mount.target == _SHARED_MEMORY for mount in replica.mounts):
        spec["volumes"].append({"name": "shared-memory", "emptyDir": {"medium": "Memory"}})
    if replica.node_labels:
        spec["nodeSelector"] = dict(replica.node_labels)
    if replica.slot.node:
        spec["affinity"] = _only_on(replica.slot.node)
    if launch.registry is not None:
        spec["imagePullSecrets"] = [{"name": naming.secret_name(launch.ref)}]
    if launch.peers:
        spec.update(_host_name(launch.ref, replica, target))
    return spec


def _host_name(ref: AttemptRef, replica: ReplicaLaunch, target: Target) -> dict[str, Any]:
    """The replica's host name, and the domain in which peers' short names are found."""
    service = naming.service_name(ref)
    domain = f"{service}.{target.namespace}.svc.{target.cluster_domain}"
    return {
        "hostname": naming.dns_label(replica.host or replica.name),
        "subdomain": service,
        "dnsConfig": {"searches": [domain]},
    }


def _only_on(node: str) -> dict[str, Any]:
    """Required affinity to one node.

    Unlike ``nodeName`` it leaves the scheduler to check taints and resources.
    """
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}
        }
    }


def _container(launch: Launch, replica: ReplicaLaunch) -> dict[str, Any]:
    mounts = [*map(_volume_mount, replica.mounts), *sharing.mounts(launch)]
    env = {**sharing.variables(launch), **replica.env}
    words = container_command(replica.command, sharing.door(launch))
    if not any(mount.target == _SHARED_MEMORY for mount in replica.mounts):
        # 64 MiB, what a container has otherwise, is too little for data loaders.
        mounts.append({"name": "shared-memory", "mountPath": _SHARED_MEMORY})
    container: dict[str, Any] = {
        "name": naming.CONTAINER,
        "image": launch.image,
        "command": [literal(word) for word in words],
        "env": [{"name": name, "value": literal(value)} for name, value in env.items()],
        "resources": {"limits": {name: str(count) for name, count in replica.resources.items()}},
        "volumeMounts": mounts,
    }
    if replica.ports:
        container["ports"] = [{"containerPort": port} for port in replica.ports]
    return container


def _volume(mount: HostMount) -> dict[str, Any]:
    path: dict[str, str] = {"path": mount.source}
    if mount.create:
        path["type"] = "DirectoryOrCreate"
    return {"name": naming.dns_label(mount.name), "hostPath": path}


def _volume_mount(mount: HostMount) -> dict[str, Any]:
    """Where the container sees the volume.

    A folder below it is a ``subPath``: kubelet makes it when it is missing, and refuses one
    that a symbolic link leads out of the volume.
    """
    made: dict[str, Any] = {"name": naming.dns_label(mount.name), "mountPath": mount.target}
    if mount.sub_path:
        made["subPath"] = mount.sub_path
    if mount.read_only:
        made["readOnly"] = True
    return made
