"""The composition root: settings → adapters → services. The only place that chooses."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from portal import migrations
from portal.adapters.plugin_hosts import ProcessHosts
from portal.domain.mail import is_address
from portal.domain.reconcile import Limits
from portal.models import db
from portal.ports import Cluster, Events, Mailer, Queue
from portal.services.cluster.cordoning import Cordoner
from portal.services.cluster.storage import StorageWatch
from portal.services.jobs.service import JobService
from portal.services.logs.following import LogFollower
from portal.services.logs.keeper import LogKeeper
from portal.services.logs.streams import LogStreams
from portal.services.mail.outbox import Outbox
from portal.services.mail.support import SupportDesk
from portal.services.operation.metrics import PortalMetrics
from portal.services.plugins import guard, kinds
from portal.services.plugins.marks import Marks
from portal.services.portal import Clock, Portal
from portal.services.queueing.admission import Admitter
from portal.services.queueing.outlook import Outlooks
from portal.services.queueing.snapshots import Snapshots
from portal.services.records import inventory
from portal.services.records.vault import Vault
from portal.services.running.driving import Driver
from portal.services.running.passes import Ear, Passes
from portal.services.submissions.templates import TemplateService
from portal.services.usage.over_time import ClusterLines
from portal.services.vcs import reading as virtual_clusters
from portal.services.vcs.editing import VcEditor
from portal.settings import Settings
from portal.spi.registry import Registry, load_registry

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def connect(
    settings: Settings,
    *,
    cluster: Cluster | None = None,
    queue: Queue | None = None,
    events: Events | None = None,
    mailer: Mailer | None = None,
    registry: Registry | None = None,
    clock: Clock = utc_now,
    connections: int = db.CONNECTIONS,
    plugin_deadline_s: float = guard.WORKER_S,
) -> Portal:
    """Wire the portal. No I/O beyond reading keys: connections open when they are used.

    The ports can be given (tests do); otherwise the settings choose. ``connections``: at most
    so many to the database. ``plugin_deadline_s`` is that of each call of a plugin.
    """
    db.bind(settings.database, connections)
    plugin_guard = guard.PluginGuard(
        ProcessHosts(settings.plugins), Marks(clock), plugin_deadline_s
    )
    registry = kinds.behind(plugin_guard, registry or _load_plugins(settings))
    cluster = cluster or make_cluster(settings, registry)
    queue = queue or _make_queue(settings)
    events = events or _make_events(settings)
    vault = Vault(secret_key(settings))
    logs = LogKeeper(cluster, settings.logs)
    driver = Driver(
        cluster=cluster,
        queue=queue,
        events=events,
        registry=registry,
        vault=vault,
        logs=logs,
        storage_root=settings.storage,
        limits=Limits(unschedulable_after_s=settings.unschedulable_after_s),
        clock=clock,
    )
    snapshots = Snapshots(
        cluster_name=cluster.name,
        registry=registry,
        preemptible_scope=settings.preemptible_scope,
        starvation_guard_s=settings.starvation_guard_minutes * 60,
        clock=clock,
    )
    passes = Passes(cluster=cluster, driver=driver, queue=queue, clock=clock)
    jobs = JobService(
        cluster=cluster,
        queue=queue,
        events=events,
        registry=registry,
        vault=vault,
        outlooks=Outlooks(snapshots, clock),
        storage_root=settings.storage,
        stop_grace_s=settings.stop_grace_s,
        clock=clock,
    )
    outbox = Outbox(
        mailer=mailer or make_mailer(settings),
        sender=settings.smtp_sender,
        host=mail_host(settings),
        queue=queue,
        clock=clock,
    )
    return Portal(
        settings=settings,
        clock=clock,
        cluster=cluster,
        queue=queue,
        events=events,
        registry=registry,
        plugin_guard=plugin_guard,
        logs=logs,
        log_streams=LogStreams(jobs, logs, clock),
        driver=driver,
        snapshots=snapshots,
        admitter=Admitter(
            cluster_name=cluster.name,
            queue=queue,
            events=events,
            snapshots=snapshots,
            clock=clock,
        ),
        passes=passes,
        templates=TemplateService(clock),
        cordoner=Cordoner(cluster, queue, events, clock),
        cluster_lines=ClusterLines(),
        storage=StorageWatch(),
        vc_editor=VcEditor(
            cluster_name=cluster.name,
            device_types=registry.device_types,
            queue=queue,
            events=events,
            clock=clock,
        ),
        jobs=jobs,
        outbox=outbox,
        metrics=PortalMetrics(queue, logs),
        support=SupportDesk(
            jobs=jobs,
            outbox=outbox,
            vault=vault,
            receivers=settings.support_receivers,
            cluster=cluster.name,
            public_url=settings.public_url,
            clock=clock,
        ),
        ear=Ear(
            cluster_name=cluster.name,
            driver=driver,
            passes=passes,
            queue=queue,
            events=events,
            clock=clock,
            follow=LogFollower(cluster, logs),
        ),
    )


def _load_plugins(settings: Settings) -> Registry:
    """The plugins that work; what is left out is logged with what to do."""
    registry = load_registry(settings.plugins).lacking(settings.local_devices, "AOLI_LOCAL_DEVICES")
    for plugin in registry.plugins:
        if plugin.status != "ok":
            log.error("plugin %s (%s) is left out: %s", plugin.name, plugin.group, plugin.reason)
    return registry


def upgrade(portal: Portal) -> list[str]:
    """Bring our tables up to date and make what the first start needs; repeatable.

    Flask-AppBuilder's own tables are made before (:func:`portal.application.make_tables`).
    """
    with db.session():
        applied = migrations.upgrade()
        now = portal.clock()
        inventory.ensure(portal.cluster.name, now)
        if portal.settings.cluster == "local":
            inventory.record_nodes(portal.cluster.name, portal.cluster.nodes(), now)
            inventory.record_reachable(portal.cluster.name, True, "", now)
            virtual_clusters.ensure_first(now)
    return applied


def cluster_name(settings: Settings) -> str:
    """The physical cluster's name as users see it."""
    return settings.cluster_name or socket.gethostname().split(".")[0] or "cluster"


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


def _make_queue(settings: Settings) -> Queue:
    from portal.adapters.redis_queue import RedisQueue

    return RedisQueue(redis_url(settings))


def _make_events(settings: Settings) -> Events:
    from portal.adapters.redis_events import RedisEvents

    return RedisEvents(redis_url(settings))


def make_mailer(settings: Settings) -> Mailer | None:
    """The mail server that the settings name, if any."""
    if not settings.smtp_url:
        return None
    from portal.adapters.smtp import SmtpMailer, SmtpServer

    server = SmtpServer.read(
        settings.smtp_url,
        settings.smtp_security,
        settings.smtp_login,
        settings.smtp_password.get_secret_value(),
    )
    return SmtpMailer(server)


def mail_host(settings: Settings) -> str:
    """The host part of Message-IDs: the portal's address, else the sender's."""
    host = urlsplit(settings.public_url).hostname or settings.smtp_sender.rpartition("@")[2]
    return host if host and is_address(f"x@{host}") else "aoli.invalid"


def redis_url(settings: Settings) -> str:
    """The Redis that is in force: the one set, else the embedded server's socket."""
    return settings.redis_url or f"unix://{settings.data_dir / 'valkey' / 'valkey.sock'}"


def secret_key(settings: Settings) -> str:
    """The key set, else one made at the first start and kept in ``data_dir/secret_key``."""
    given = settings.secret_key.get_secret_value()
    if given:
        return given
    path = settings.data_dir / "secret_key"
    if not path.exists():
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_once(path, secrets.token_urlsafe(48))
    return path.read_text("utf-8").strip()


def _write_once(path: Path, text: str) -> None:
    """Write a private file unless another process was first; whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
