"""The services that the pages call, kept on the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, current_app

from portal.ports import Events
from portal.services.cluster.cordoning import Cordoner
from portal.services.cluster.storage import StorageWatch
from portal.services.jobs.service import JobService
from portal.services.logs.keeper import LogKeeper
from portal.services.mail.support import SupportDesk
from portal.services.submissions.templates import TemplateService
from portal.services.usage.over_time import ClusterLines
from portal.services.vcs.editing import VcEditor
from portal.spi.registry import Registry

_KEY = "aoli"


@dataclass(frozen=True, slots=True)
class PageServices:
    """Everything a page may use."""

    jobs: JobService
    templates: TemplateService
    vc_editor: VcEditor
    logs: LogKeeper
    registry: Registry
    events: Events
    cordoner: Cordoner
    support: SupportDesk
    cluster_lines: ClusterLines
    storage: StorageWatch
    cluster: str
    grafana_url: str
    storage_root: str
    jobs_reach_portal: Callable[[], bool]
    clock: Callable[[], datetime]


def keep(app: Flask, services: PageServices) -> None:
    """Put the services on the application."""
    app.extensions[_KEY] = services


def services() -> PageServices:
    """The services of the running application."""
    found: PageServices = current_app.extensions[_KEY]
    return found
