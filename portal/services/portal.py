"""The one list of everything that is wired together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from portal.ports import Cluster, Events, Queue
from portal.services.cluster.cordoning import Cordoner
from portal.services.cluster.storage import StorageWatch
from portal.services.jobs.service import JobService
from portal.services.logs.keeper import LogKeeper
from portal.services.logs.streams import LogStreams
from portal.services.mail.outbox import Outbox
from portal.services.mail.support import SupportDesk
from portal.services.operation.health import Readiness
from portal.services.operation.metrics import PortalMetrics
from portal.services.plugins.guard import PluginGuard
from portal.services.queueing.admission import Admitter
from portal.services.queueing.snapshots import Snapshots
from portal.services.running.driving import Driver
from portal.services.running.passes import Passes, WatchHandler
from portal.services.submissions.templates import TemplateService
from portal.services.usage.over_time import ClusterSeries
from portal.services.vcs.editing import VcEditor
from portal.settings import Settings
from portal.spi.registry import Registry

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Portal:
    """Everything wired together; one per process.

    Pages, API, tasks and processes find every service here; the wiring makes it.
    """

    settings: Settings
    clock: Clock
    cluster: Cluster
    queue: Queue
    events: Events
    registry: Registry
    plugin_guard: PluginGuard
    logs: LogKeeper
    log_streams: LogStreams
    jobs: JobService
    snapshots: Snapshots
    admitter: Admitter
    driver: Driver
    passes: Passes
    watch_handler: WatchHandler
    vc_editor: VcEditor
    templates: TemplateService
    cordoner: Cordoner
    outbox: Outbox
    metrics: PortalMetrics
    readiness: Readiness
    support: SupportDesk
    cluster_series: ClusterSeries
    storage: StorageWatch
