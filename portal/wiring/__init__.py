"""The composition root: settings → adapters → services. The only place that chooses."""

from __future__ import annotations

from typing import Unpack

from portal import migrations
from portal.models import db
from portal.services.cluster.storage import StorageWatch
from portal.services.logs.keeper import LogKeeper
from portal.services.logs.streams import LogStreams
from portal.services.operation.health import Readiness
from portal.services.operation.metrics import PortalMetrics
from portal.services.plugins.guard import WORKER_S
from portal.services.portal import Portal
from portal.services.records import inventory
from portal.services.submissions.templates import TemplateService
from portal.services.usage.over_time import ClusterSeries
from portal.services.vcs import reading as virtual_clusters
from portal.settings import Settings
from portal.wiring import nouns
from portal.wiring.parts import Given, Parts, choose


def connect(
    settings: Settings,
    *,
    connections: int = db.CONNECTIONS,
    plugin_deadline_s: float = WORKER_S,
    **given: Unpack[Given],
) -> Portal:
    """Wire the portal. No I/O beyond reading keys: connections open when they are used.

    The ports can be given (:func:`portal.wiring.parts.choose`; tests do); otherwise the
    settings choose. ``connections``: at most so many to the database. ``plugin_deadline_s`` is
    that of each call of a plugin.
    """
    db.bind(settings.database, connections)
    return build(choose(settings, plugin_deadline_s, **given))


def build(parts: Parts) -> Portal:
    """Every service, from its noun's build."""
    logs = LogKeeper(parts.cluster, parts.settings.logs)
    frozen = nouns.snapshots(parts)
    jobs = nouns.jobs(parts, frozen)
    driver = nouns.driver(parts, logs)
    passes = nouns.passes(parts, driver)
    outbox = nouns.outbox(parts)
    return Portal(
        settings=parts.settings,
        clock=parts.clock,
        cluster=parts.cluster,
        queue=parts.queue,
        events=parts.events,
        registry=parts.registry,
        plugin_guard=parts.plugin_guard,
        logs=logs,
        log_streams=LogStreams(jobs, logs, parts.clock),
        jobs=jobs,
        snapshots=frozen,
        admitter=nouns.admitter(parts, frozen),
        driver=driver,
        passes=passes,
        watch_handler=nouns.watch_handler(parts, driver, passes, logs),
        vc_editor=nouns.vc_editor(parts),
        templates=TemplateService(parts.clock),
        cordoner=nouns.cordoner(parts),
        outbox=outbox,
        metrics=PortalMetrics(parts.queue, logs),
        readiness=Readiness(parts.cluster, parts.queue, parts.clock),
        support=nouns.support(parts, jobs, outbox),
        cluster_series=ClusterSeries(),
        storage=StorageWatch(),
    )


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
