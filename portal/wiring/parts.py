"""What every service is built from: the settings' choice of adapters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict, Unpack

from portal.ports import Cluster, Events, Mailer, Queue
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


def choose(settings: Settings, **given: Unpack[Given]) -> Parts:
    """The parts that are given; for what is not given, what the settings say."""
    registry = given.get("registry") or load_plugins(settings)
    return Parts(
        settings=settings,
        cluster=given.get("cluster") or make_cluster(settings, registry),
        queue=given.get("queue") or make_queue(settings),
        events=given.get("events") or make_events(settings),
        mailer=given.get("mailer") or make_mailer(settings),
        registry=registry,
        vault=Vault(secret_keys(settings)),
        clock=given.get("clock") or utc_now,
    )
