"""The cluster as last seen: what the watch reports is kept here, the pages read it here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from peewee import Case, fn

from portal.domain.resources import Node
from portal.models import ClusterRow, NodeRow
from portal.models.db import database


def nodes(cluster: str) -> tuple[Node, ...]:
    """All nodes by name."""
    row = NodeRow
    rows: Any = (
        row.select(
            *(row.name, row.ip, row.device_type, row.devices, row.ready, row.cordoned),
            *(row.foreign_devices, row.simulated, row.labels),
        )
        .where(row.cluster == cluster)
        .order_by(row.name)
        .tuples()
    )
    return tuple(Node(*columns) for columns in rows)


def node_counts(cluster: str) -> tuple[int, int]:
    """How many nodes take jobs, and how many there are."""
    takes = (NodeRow.ready == True) & (NodeRow.cordoned == False)
    found: Any = (
        NodeRow.select(fn.SUM(Case(None, [(takes, 1)], 0)), fn.COUNT(NodeRow.name))
        .where(NodeRow.cluster == cluster)
        .tuples()
        .first()
    )
    taking, number = found
    return int(taking or 0), int(number)


def simulated_types(cluster: str) -> frozenset[str]:
    """Device types that were only declared: no such device is in the machine."""
    rows: Any = (
        NodeRow.select(NodeRow.device_type)
        .where(NodeRow.cluster == cluster, NodeRow.simulated == True)
        .distinct()
        .tuples()
    )
    return frozenset(kind for (kind,) in rows if kind)


def record_nodes(cluster: str, seen: Sequence[Node], now: datetime) -> bool:
    """Make the table say what ``seen`` says; True when anything changed."""
    known = {node.name: node for node in nodes(cluster)}
    changed = [node for node in seen if known.get(node.name) != node]
    gone = set(known) - {node.name for node in seen}
    if not changed and not gone:
        return False
    with database.atomic():
        for node in changed:
            _upsert(cluster, node, now)
        if gone:
            NodeRow.delete().where(
                NodeRow.cluster == cluster, NodeRow.name.in_(list(gone))
            ).execute()
    return True


def _upsert(cluster: str, node: Node, now: datetime) -> None:
    values = {
        "ip": node.ip,
        "device_type": node.device_type,
        "devices": node.devices,
        "ready": node.ready,
        "cordoned": node.cordoned,
        "foreign_devices": node.foreign_devices,
        "simulated": node.simulated,
        "labels": dict(node.labels),
        "seen_at": now,
    }
    NodeRow.insert(cluster=cluster, name=node.name, **values).on_conflict(
        conflict_target=[NodeRow.cluster, NodeRow.name], update=values
    ).execute()


def record_reachable(cluster: str, reachable: bool, why: str, now: datetime) -> bool:
    """Note whether the cluster answers; True when that changed."""
    ensure(cluster, now)
    changed: int = (
        ClusterRow.update(reachable=reachable, why=why, since=now)
        .where(ClusterRow.name == cluster, ClusterRow.reachable != reachable)
        .execute()
    )
    return bool(changed)


def ensure(cluster: str, now: datetime) -> None:
    """Have a row for the cluster."""
    ClusterRow.insert(name=cluster, since=now).on_conflict_ignore().execute()


def reachable(cluster: str) -> tuple[bool, datetime | None]:
    """Whether the cluster answered last, and since when that is so."""
    row = ClusterRow.get_or_none(ClusterRow.name == cluster)
    return (row.reachable, row.since) if row else (False, None)


def plan_epoch(cluster: str) -> int:
    """The number of plans put into force so far."""
    row = ClusterRow.get_or_none(ClusterRow.name == cluster)
    return int(row.plan_epoch) if row else 0


def take_turn(cluster: str | None = None) -> None:
    """Lock the cluster's row (``None``: every one) for this transaction; older plans are void.

    Whoever shares out devices does so first, and reads what there is after it.
    """
    turn = ClusterRow.update(plan_epoch=ClusterRow.plan_epoch + 1)
    (turn if cluster is None else turn.where(ClusterRow.name == cluster)).execute()


def claim_epoch(cluster: str, epoch: int) -> bool:
    """Move the epoch on from ``epoch``; False when somebody else did (their plan stands)."""
    return bool(
        ClusterRow.update(plan_epoch=epoch + 1)
        .where(ClusterRow.name == cluster, ClusterRow.plan_epoch == epoch)
        .execute()
    )
