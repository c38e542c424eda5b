"""What every service is built from: the settings' choice of adapters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict, Unpack

from portal.adapters.plugin_hosts import ProcessHosts
from portal.ports import Cluster, Events, Mailer, Queue
from portal.services.plugins.guard import PluginGuard
from portal.services.plugins.kinds import behind
from portal.services.plugins.marks import Marks
from portal.services.portal import Clock
from portal.services.records.vault import Vault
from portal.settings import Settings
from portal.spi.registry import Registry
from portal.wiring.cluster import make_cluster
from portal.wiring.keys import secret_keys
from portal.wiring.outside import load_plugins, make_events, make_mailer, make_queue


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each: ports, plugins, vault and clock."""

    settings: Settings
    cluster: Cluster
    queue: Queue
    events: Events
    mailer: Mailer | None
    registry: Registry
    plugin_guard: PluginGuard
    vault: Vault
    clock: Clock


class Given(TypedDict, total=False):
    """Parts that stand in for what the settings would choose (tests, benchmarks)."""

    cluster: Cluster
    queue: Queue
    events: Events
    mailer: Mailer
    registry: Registry
    clock: Clock


def choose(settings: Settings, plugin_deadline_s: float, **given: Unpack[Given]) -> Parts:
    """The parts that are given; for what is not given, what the settings say.

    ``plugin_deadline_s`` is that of each call of a plugin.
    """
    clock = given.get("clock") or utc_now
    guard = PluginGuard(ProcessHosts(settings.plugins), Marks(clock), plugin_deadline_s)
    registry = behind(guard, given.get("registry") or load_plugins(settings))
    return Parts(
        settings=settings,
        cluster=given.get("cluster") or make_cluster(settings, registry),
        queue=given.get("queue") or make_queue(settings),
        events=given.get("events") or make_events(settings),
        mailer=given.get("mailer") or make_mailer(settings),
        registry=registry,
        plugin_guard=guard,
        vault=Vault(secret_keys(settings)),
        clock=clock,
    )
