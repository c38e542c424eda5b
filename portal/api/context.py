"""The services that the calls use, kept on the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flask import Flask, current_app

from portal.ports import Cluster, Queue
from portal.services.cluster.cordoning import Cordoner
from portal.services.jobs.service import JobService
from portal.services.logs.keeper import LogKeeper
from portal.services.logs.streams import LogStreams
from portal.services.mail.support import SupportDesk
from portal.services.operation.metrics import PortalMetrics
from portal.services.submissions.templates import TemplateService
from portal.services.usage.over_time import ClusterLines
from portal.services.vcs.editing import VcEditor
from portal.spi.registry import Registry

_KEY = "aoli-api"


class Wired(Protocol):
    """What the API needs of the wired portal."""

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time."""

    @property
    def cluster(self) -> Cluster:
        """Where jobs run."""

    @property
    def queue(self) -> Queue:
        """Work for the workers."""

    @property
    def registry(self) -> Registry:
        """The plugins."""

    @property
    def logs(self) -> LogKeeper:
        """Jobs' output."""

    @property
    def jobs(self) -> JobService:
        """The use cases of jobs."""

    @property
    def vc_editor(self) -> VcEditor:
        """Adding, modifying and deleting virtual clusters."""

    @property
    def templates(self) -> TemplateService:
        """The use cases of templates."""

    @property
    def support(self) -> SupportDesk:
        """Asking the operators for help."""

    @property
    def cluster_lines(self) -> ClusterLines:
        """The whole cluster's use over time."""

    @property
    def cordoner(self) -> Cordoner:
        """Keeping new work off nodes."""


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Everything a call may use."""

    jobs: JobService
    vc_editor: VcEditor
    templates: TemplateService
    log_streams: LogStreams
    metrics: PortalMetrics
    registry: Registry
    cluster: Cluster
    queue: Queue
    cordoner: Cordoner
    support: SupportDesk
    cluster_lines: ClusterLines
    clock: Callable[[], datetime]


def keep(app: Flask, wired: Wired) -> None:
    """Put the services on the application."""
    app.extensions[_KEY] = ApiServices(
        jobs=wired.jobs,
        vc_editor=wired.vc_editor,
        templates=wired.templates,
        log_streams=LogStreams(wired.jobs, wired.logs, wired.clock),
        metrics=PortalMetrics(wired.queue),
        registry=wired.registry,
        cluster=wired.cluster,
        queue=wired.queue,
        cordoner=wired.cordoner,
        support=wired.support,
        cluster_lines=wired.cluster_lines,
        clock=wired.clock,
    )


def services() -> ApiServices:
    """The services of the running application."""
    found: ApiServices = current_app.extensions[_KEY]
    return found
