"""What a node's JSON says of it, and who holds its devices. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from portal.adapters.kubernetes.observe import NodeHealth
from portal.domain.resources import Node

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SIMULATED = ("sim", "node")
"""The label of nodes that only pretend to run pods."""
_SILENT_TAINTS = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
"""Taints that only repeat that the node is not ready."""
_FORBIDDING = frozenset({"NoSchedule", "NoExecute"})


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """How to tell a device type: by its resource, on nodes that have all of the labels.

    ``notes`` are the annotations of a pod that its device plugin writes and the type reads.
    """

    name: str
    resource_name: str
    node_labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def node_of(
    raw: Mapping[str, Any],
    rules: Sequence[DeviceRule],
    tolerations: Sequence[Mapping[str, Any]],
    foreign: Mapping[str, int],
) -> Node:
    """The node as the planner knows it; ``foreign`` maps resources to what others hold."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    labels = metadata.get("labels") or {}
    rule = _rule_of(labels, status, rules)
    return Node(
        name=metadata["name"],
        ip=_address(status),
        device_type=rule.name if rule else None,
        devices=_allocatable(status, rule.resource_name) if rule else 0,
        ready=health_of(raw).ready,
        cordoned=_cordoned(raw, tolerations),
        foreign_devices=foreign.get(rule.resource_name, 0) if rule else 0,
        simulated=labels.get(SIMULATED[0]) == SIMULATED[1],
        labels=dict(labels),
    )


def health_of(raw: Mapping[str, Any]) -> NodeHealth:
    """Whether the node is ready; one that has never said so is not."""
    for condition in (raw.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            since = condition.get("lastTransitionTime")
            when = datetime.fromisoformat(since).astimezone(UTC) if since else BEGINNING
            return NodeHealth(condition.get("status") == "True", when)
    return NodeHealth(False, BEGINNING)


def device_tolerations(rules: Iterable[DeviceRule]) -> list[dict[str, str]]:
    """Tolerations of the taints by which clusters keep other pods off device nodes.

    By custom such a taint is named like the resource.
    """
    return [{"key": rule.resource_name, "operator": "Exists"} for rule in rules]


def devices_of(pod: Mapping[str, Any], resources: Iterable[str]) -> dict[str, int]:
    """What a pod that has not ended holds of ``resources``."""
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    spec = pod["spec"]
    held: dict[str, int] = {}
    for resource in resources:
        running = sum(_asked(container, resource) for container in spec.get("containers") or ())
        first = [_asked(container, resource) for container in spec.get("initContainers") or ()]
        count = max([running, *first])
        if count:
            held[resource] = count
    return held


def held_by_node(
    pods: Iterable[Mapping[str, Any]], resources: Sequence[str]
) -> dict[str, Counter[str]]:
    """Node name → resource → number that ``pods`` hold there."""
    held: dict[str, Counter[str]] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node:
            held.setdefault(node, Counter()).update(devices_of(pod, resources))
    return held


def _asked(container: Mapping[str, Any], resource: str) -> int:
    given = container.get("resources") or {}
    for part in ("requests", "limits"):
        if resource in (given.get(part) or {}):
            return _whole(given[part][resource])
    return 0


def _rule_of(
    labels: Mapping[str, str], status: Mapping[str, Any], rules: Sequence[DeviceRule]
) -> DeviceRule | None:
    """The type whose devices the node has; with none working, the type that fits at all."""
    fitting = [
        rule
        for rule in rules
        if all(labels.get(key) == value for key, value in rule.node_labels.items())
        and (rule.node_labels or rule.resource_name in (status.get("capacity") or {}))
    ]
    working = [rule for rule in fitting if _allocatable(status, rule.resource_name)]
    return next(iter(working or fitting), None)


def _allocatable(status: Mapping[str, Any], resource: str) -> int:
    return _whole((status.get("allocatable") or {}).get(resource, "0"))


def _whole(quantity: object) -> int:
    """A device count; Kubernetes writes thousands as ``1k``."""
    text = str(quantity)
    digits, factor = (text[:-1], 1000) if text.endswith("k") else (text, 1)
    return int(digits) * factor if digits.isdecimal() else 0


def _cordoned(raw: Mapping[str, Any], tolerations: Sequence[Mapping[str, Any]]) -> bool:
    spec = raw.get("spec") or {}
    if spec.get("unschedulable"):
        return True
    return any(
        taint.get("effect") in _FORBIDDING
        and taint.get("key") not in _SILENT_TAINTS
        and not any(_tolerates(toleration, taint) for toleration in tolerations)
        for taint in spec.get("taints") or ()
    )


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint.get("key"))
    same_value = (toleration.get("value") or "") == (taint.get("value") or "")
    return toleration.get("key") == taint.get("key") and same_value


def _address(status: Mapping[str, Any]) -> str:
    for address in status.get("addresses") or ():
        if address.get("type") == "InternalIP":
            return str(address.get("address", ""))
    return ""
