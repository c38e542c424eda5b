"""What part of a cluster is this portal's, and where the API keeps it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.manifests import Target
from portal.adapters.kubernetes.node_view import DeviceRule, device_tolerations
from portal.domain.job import AttemptRef

NODES = "/api/v1/nodes"
NAMESPACES = "/api/v1/namespaces"
ALL_PODS = "/api/v1/pods"
_COLLECTIONS = {
    "Pod": "pods",
    "Service": "services",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The settings that say what is ours and how the cluster is to be read."""

    namespace: str = "aoli"
    instance: str = "aoli"
    rules: tuple[DeviceRule, ...] = ()
    extra_tolerations: tuple[Mapping[str, Any], ...] = ()
    node_lost_after_s: float = 30
    cluster_domain: str = "cluster.local"

    @property
    def tolerations(self) -> tuple[Mapping[str, Any], ...]:
        """What our pods tolerate: the device types' own taints, then the configured ones."""
        return (*device_tolerations(self.rules), *self.extra_tolerations)

    @property
    def target(self) -> Target:
        """Where and as whose objects are made."""
        return Target(self.namespace, self.instance, self.tolerations, self.cluster_domain)

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources that are devices."""
        return tuple(rule.resource_name for rule in self.rules)

    @property
    def notes(self) -> frozenset[str]:
        """The annotations by which device plugins say what they gave a pod."""
        return frozenset(name for rule in self.rules for name in rule.notes)

    def collection(self, kind: str) -> str:
        """The path of all ``kind`` in the namespace."""
        return f"{NAMESPACES}/{self.namespace}/{_COLLECTIONS[kind]}"

    def ours(self, ref: AttemptRef | None = None) -> dict[str, str]:
        """The query that selects everything of this portal, or of one attempt."""
        if ref is None:
            return {"labelSelector": naming.instance_selector(self.instance)}
        return {"labelSelector": naming.attempt_selector(self.instance, ref)}

    def foreign(self) -> dict[str, str]:
        """The query that selects pods of others that may hold devices."""
        return {
            "labelSelector": f"{naming.LABEL_INSTANCE}!={self.instance}",
            "fieldSelector": "status.phase!=Succeeded,status.phase!=Failed",
        }
