"""One small build per noun: how its services come from the parts and from each other."""

from __future__ import annotations

from portal.domain.reconcile import Limits
from portal.services.cluster.cordoning import Cordoner
from portal.services.jobs.service import JobService
from portal.services.logs.following import LogFollower
from portal.services.logs.keeper import LogKeeper
from portal.services.mail.outbox import Outbox
from portal.services.mail.support import SupportDesk
from portal.services.queueing.admission import Admitter
from portal.services.queueing.outlook import Outlooks
from portal.services.queueing.snapshots import Snapshots
from portal.services.running.driving import Driver
from portal.services.running.passes import Passes, WatchHandler
from portal.services.vcs.editing import VcEditor
from portal.wiring.addresses import mail_host
from portal.wiring.parts import Parts


def snapshots(parts: Parts) -> Snapshots:
    """Queueing: the frozen view that is planned on."""
    settings = parts.settings
    return Snapshots(
        cluster_name=parts.cluster.name,
        registry=parts.registry,
        preemptible_scope=settings.preemptible_scope,
        starvation_guard_s=settings.starvation_guard_minutes * 60,
        clock=parts.clock,
    )


def admitter(parts: Parts, frozen: Snapshots) -> Admitter:
    """Queueing: who starts next."""
    return Admitter(
        cluster_name=parts.cluster.name,
        queue=parts.queue,
        events=parts.events,
        snapshots=frozen,
        clock=parts.clock,
    )


def driver(parts: Parts, logs: LogKeeper) -> Driver:
    """Running: one job and the cluster brought together."""
    settings = parts.settings
    return Driver(
        cluster=parts.cluster,
        queue=parts.queue,
        events=parts.events,
        registry=parts.registry,
        vault=parts.vault,
        logs=logs,
        storage_root=settings.storage,
        limits=Limits(unschedulable_after_s=settings.unschedulable_after_s),
        clock=parts.clock,
    )


def passes(parts: Parts, one: Driver) -> Passes:
    """Running: every job looked at in turn."""
    return Passes(cluster=parts.cluster, driver=one, queue=parts.queue, clock=parts.clock)


def watch_handler(parts: Parts, one: Driver, all_jobs: Passes, logs: LogKeeper) -> WatchHandler:
    """Running: the cluster's watch, taken in."""
    return WatchHandler(
        cluster_name=parts.cluster.name,
        driver=one,
        passes=all_jobs,
        queue=parts.queue,
        events=parts.events,
        clock=parts.clock,
        follow=LogFollower(parts.cluster, logs),
    )


def jobs(parts: Parts, frozen: Snapshots) -> JobService:
    """Jobs: what users do with them."""
    settings = parts.settings
    return JobService(
        cluster=parts.cluster,
        queue=parts.queue,
        events=parts.events,
        registry=parts.registry,
        vault=parts.vault,
        outlooks=Outlooks(frozen, parts.clock),
        storage_root=settings.storage,
        stop_grace_s=settings.stop_grace_s,
        clock=parts.clock,
    )


def vc_editor(parts: Parts) -> VcEditor:
    """Virtual clusters: made, changed and deleted."""
    return VcEditor(
        cluster_name=parts.cluster.name,
        device_types=parts.registry.device_types,
        preemptible_scope=parts.settings.preemptible_scope,
        queue=parts.queue,
        events=parts.events,
        clock=parts.clock,
    )


def cordoner(parts: Parts) -> Cordoner:
    """Cluster: nodes closed for new jobs and opened again."""
    return Cordoner(parts.cluster, parts.queue, parts.events, parts.clock)


def outbox(parts: Parts) -> Outbox:
    """Mail: written first, sent after."""
    settings = parts.settings
    return Outbox(
        mailer=parts.mailer,
        sender=settings.smtp_sender,
        host=mail_host(settings),
        queue=parts.queue,
        clock=parts.clock,
    )


def support(parts: Parts, their_jobs: JobService, mails: Outbox) -> SupportDesk:
    """Mail: a user asks for help with a job."""
    settings = parts.settings
    return SupportDesk(
        jobs=their_jobs,
        outbox=mails,
        vault=parts.vault,
        receivers=settings.support_receivers,
        cluster=parts.cluster.name,
        public_url=settings.public_url,
        clock=parts.clock,
    )
