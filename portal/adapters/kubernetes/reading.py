"""Questions to the API, and their answers in the words of the domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.adapters.kubernetes.node_view import BEGINNING, health_of, held_by_node, node_of
from portal.adapters.kubernetes.observe import NodeHealth, Pod, has_ended, observed_attempts
from portal.adapters.kubernetes.scope import ALL_PODS, NODES, Scope
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed
from portal.domain.resources import Node


class Reader:
    """Asks anew each time; the watch keeps a state instead."""

    def __init__(self, api: KubernetesApi, scope: Scope) -> None:
        self._api = api
        self._scope = scope

    def nodes(self) -> tuple[Node, ...]:
        """All nodes by name, with what others hold of their devices."""
        raw, _ = self._api.pages(NODES, {})
        scope = self._scope
        held = held_by_node(self._foreign_pods(), scope.resources)
        seen = [
            node_of(node, scope.rules, scope.tolerations, held.get(node["metadata"]["name"], {}))
            for node in raw
        ]
        return tuple(sorted(seen, key=lambda node: node.name))

    def attempt(self, ref: AttemptRef) -> Observed:
        """One attempt. What else is left of it matters only when it has no pods."""
        pods = self.pods(ref)
        seen = self._observed(pods, self.health(pods))
        if ref in seen:
            return seen[ref]
        return Observed(ref, objects=ref in self.objects(ref))

    def attempts(self) -> dict[AttemptRef, Observed]:
        """All attempts of this portal, those of which only objects are left too."""
        pods = self.pods()
        raw, _ = self._api.pages(NODES, {})
        health = {node["metadata"]["name"]: health_of(node) for node in raw}
        for pod in pods:
            # The nodes were read after the pods: one that is not among them has gone.
            if name := pod["spec"].get("nodeName"):
                health.setdefault(name, NodeHealth(False, BEGINNING))
        seen = self._observed(pods, health)
        for ref in self.objects() - seen.keys():
            seen[ref] = Observed(ref, objects=True)
        return seen

    def pods(self, ref: AttemptRef | None = None) -> list[dict[str, Any]]:
        """The pods of this portal, or of one attempt."""
        return self._api.pages(self._scope.collection("Pod"), self._scope.ours(ref))[0]

    def objects(self, ref: AttemptRef | None = None) -> set[AttemptRef]:
        """The attempts that have anything but pods (a Secret's contents are not asked for)."""
        found = set()
        for kind in ("Service", "Secret", "ConfigMap"):
            path = self._scope.collection(kind)
            for thing in self._api.metadata(path, self._scope.ours(ref)):
                owner = naming.ref_of(thing)
                if owner is not None:
                    found.add(owner)
        return found

    def health(self, pods: Iterable[Pod]) -> dict[str, NodeHealth]:
        """Health of the nodes on which something of ``pods`` has not ended."""
        names = {pod["spec"].get("nodeName", "") for pod in pods if not has_ended(pod)}
        health = {}
        for name in names - {""}:
            try:
                health[name] = health_of(self._api.call("GET", f"{NODES}/{name}"))
            except Refusal as refusal:
                if refusal.status != 404:
                    raise
                health[name] = NodeHealth(False, BEGINNING)
        return health

    def _foreign_pods(self) -> Iterable[Mapping[str, Any]]:
        """Pods of others; none when we may not look."""
        if not self._scope.rules:
            return ()
        try:
            return self._api.pages(ALL_PODS, self._scope.foreign())[0]
        except Refusal as refusal:
            if refusal.status == 403:
                return ()
            raise

    def _observed(
        self, pods: Iterable[Pod], health: Mapping[str, NodeHealth]
    ) -> dict[AttemptRef, Observed]:
        scope = self._scope
        now = datetime.now(UTC)
        return observed_attempts(pods, health, now, scope.node_lost_after_s, scope.notes)
