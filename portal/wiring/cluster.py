"""The cluster that the settings choose, and what hides from its jobs."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from portal.ports import Cluster
from portal.settings import Settings
from portal.spi.registry import Registry
from portal.wiring.addresses import cluster_name, redis_url

log = logging.getLogger(__name__)


def make_cluster(settings: Settings, registry: Registry) -> Cluster:
    """The cluster that the settings choose."""
    if settings.cluster == "local":
        return _local(settings, registry)
    return _kubernetes(settings, registry)


def _local(settings: Settings, registry: Registry) -> Cluster:
    from portal.adapters.local.runtime import LocalCluster

    known = {
        name: count
        for name, count in settings.local_devices.items()
        if name in registry.device_types
    }
    found = known if settings.local_devices else _detect(registry)
    lifeline = os.environ.get("AOLI_LIFELINE")
    return LocalCluster(
        name=cluster_name(settings),
        state_dir=settings.data_dir / "runtime",
        log_dir=Path(settings.logs),
        storage_root=Path(settings.storage),
        devices=found,
        simulated=bool(settings.local_devices),
        lifeline=Path(lifeline) if lifeline else None,
        data_dir=settings.data_dir,
        private=private_paths(settings, os.environ),
        uid_base=settings.local_uid_base,
    )


def private_paths(settings: Settings, environ: Mapping[str, str]) -> list[Path]:
    """What jobs on this machine must not read besides the data folder; may not be there."""
    paths = [settings.config_dir / "portal.yaml"]
    paths += [Path(environ[name]) for name in environ if _names_secret_file(name)]
    if settings.kubeconfig:
        paths.append(Path(settings.kubeconfig))
    if settings.database.startswith("sqlite:///"):
        file = settings.database.removeprefix("sqlite:///")
        paths += [Path(file + end) for end in ("", "-wal", "-shm", "-journal")]
    redis = urlsplit(redis_url(settings))
    if redis.scheme == "unix":
        paths.append(_closed_around(Path(redis.path)))
    return [path.expanduser().absolute() for path in paths]


def _names_secret_file(variable: str) -> bool:
    return variable.startswith("AOLI_") and variable.endswith("_FILE")


def _closed_around(path: Path) -> Path:
    """The folder of a file if it is its owner's alone, else the file."""
    folder = path.parent
    return folder if folder.is_dir() and not folder.stat().st_mode & 0o077 else path


def _detect(registry: Registry) -> dict[str, int]:
    """The devices of this machine; a plugin that fails to look for them has found none."""
    found: dict[str, int] = {}
    for name, kind in registry.device_types.items():
        try:
            count = kind.detect()
        except Exception:
            log.exception("plugin %s failed to look for devices", name)
            continue
        if count > 0:
            found[name] = count
    return found


def _kubernetes(settings: Settings, registry: Registry) -> Cluster:
    from portal.adapters.kubernetes.cluster import KubernetesCluster
    from portal.adapters.kubernetes.node_view import DeviceRule

    return KubernetesCluster(
        cluster_name(settings),
        kubeconfig=settings.kubeconfig,
        namespace=settings.namespace,
        device_rules=[
            DeviceRule(name, kind.resource_name, kind.node_labels, kind.notes)
            for name, kind in registry.device_types.items()
        ],
        node_lost_after_s=settings.node_lost_after_s,
    )
