"""What the watch knows: our pods, the nodes, what others hold. In memory, no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import Json
from portal.adapters.kubernetes.node_view import devices_of, health_of, node_of
from portal.adapters.kubernetes.observe import (
    NodeHealth,
    first_asked_at,
    observed_attempts,
    uid_of,
)
from portal.adapters.kubernetes.scope import Scope
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed
from portal.domain.resources import Node


class WatchState:
    """Taken in object by object; asked attempt by attempt."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._pods: dict[AttemptRef, dict[str, Json]] = {}
        self._asked: dict[str, datetime] = {}
        """Uid of a pod of ours → when it was first deleted: later news may tell otherwise."""
        self._dirty: set[AttemptRef] = set()
        self._raw_nodes: dict[str, Json] = {}
        self._nodes: dict[str, Node] = {}
        self._health: dict[str, NodeHealth] = {}
        """Of every node, and of those that have gone while pods of ours name them."""
        self._lost: frozenset[str] = frozenset()
        """Nodes whose attempts have been told of the loss."""
        self._foreign: dict[str, tuple[str, dict[str, int]]] = {}
        """Uid of a pod of others → its node and the devices it holds."""
        self._held: dict[str, Counter[str]] = {}
        self.nodes_dirty = False

    def replace(self, feed: str, items: Iterable[Json]) -> None:
        """Everything of a feed, as a list has it; what is not in it is gone."""
        if feed == "pods":
            self._dirty.update(self._pods)
            self._pods, pods = {}, list(items)
            here = {uid_of(item) for item in pods}
            self._asked = {uid: at for uid, at in self._asked.items() if uid in here}
            for item in pods:
                self._change_pod(item, False)
            self._forget_nodes(self._health.keys() - self._raw_nodes.keys())
        elif feed == "nodes":
            listed = {item["metadata"]["name"]: item for item in items}
            for name in self._raw_nodes.keys() - listed.keys():
                self._change_node(self._raw_nodes[name], True)
            for item in listed.values():
                self._change_node(item, False)
        else:
            for uid in list(self._foreign):
                self._forget_foreign(uid)
            for item in items:
                self._change_foreign(item, False)

    def change(self, feed: str, item: Json, deleted: bool) -> None:
        """One object of a feed."""
        if feed == "pods":
            self._change_pod(item, deleted)
        elif feed == "nodes":
            self._change_node(item, deleted)
        else:
            self._change_foreign(item, deleted)

    def mark(self, ref: AttemptRef) -> None:
        """Have an attempt told again."""
        self._dirty.add(ref)

    def take_dirty(self, now: datetime) -> set[AttemptRef]:
        """The attempts that may have changed, by news or because a node stays silent."""
        after_s = self._scope.node_lost_after_s
        lost = frozenset(name for name, health in self._health.items() if health.lost(now, after_s))
        fresh = lost - self._lost
        if fresh:
            self._find_lost(fresh)
        self._lost = lost & self._health.keys()
        dirty, self._dirty = self._dirty, set()
        return dirty

    def _find_lost(self, fresh: frozenset[str]) -> None:
        """Mark what is on nodes that were just lost; forget those that have gone with it all."""
        named: set[str] = set()
        for ref, pods in self._pods.items():
            here = {pod["spec"].get("nodeName") for pod in pods.values()} & fresh
            if here:
                self._dirty.add(ref)
                named |= here
        for name in fresh - named - self._raw_nodes.keys():
            del self._health[name]

    def has_pods(self, ref: AttemptRef) -> bool:
        """Whether the attempt has any pod."""
        return ref in self._pods

    def observed(self, ref: AttemptRef, now: datetime) -> Observed | None:
        """One attempt; ``None`` when it has no pods."""
        pods = self._pods.get(ref, {}).values()
        return self._observed(pods, now).get(ref)

    def everything(self, now: datetime) -> dict[AttemptRef, Observed]:
        """All attempts that have pods."""
        pods = (pod for own in self._pods.values() for pod in own.values())
        return self._observed(pods, now)

    def _observed(self, pods: Iterable[Json], now: datetime) -> dict[AttemptRef, Observed]:
        scope = self._scope
        return observed_attempts(
            pods, self._health, now, scope.node_lost_after_s, scope.notes, self._asked
        )

    def nodes(self) -> tuple[Node, ...]:
        """All nodes by name."""
        return tuple(self._nodes[name] for name in sorted(self._nodes))

    def _change_pod(self, item: Json, deleted: bool) -> None:
        ref, name = naming.ref_of(item), item["metadata"]["name"]
        if ref is None:
            return
        self._dirty.add(ref)
        if deleted:
            self._asked.pop(uid_of(item), None)
        else:
            self._pods.setdefault(ref, {})[name] = item
            self._remember_deletion(item)
        if deleted and ref in self._pods:
            was = self._pods[ref].pop(name, None)
            if not self._pods[ref]:
                del self._pods[ref]
            node = (was or item)["spec"].get("nodeName", "")
            if node in self._health and node not in self._raw_nodes:
                self._forget_nodes({node})

    def _forget_nodes(self, gone: Set[str]) -> None:
        """Forget those that no pod of ours names any more."""
        if gone:
            named = {p["spec"].get("nodeName") for own in self._pods.values() for p in own.values()}
            for name in gone - named:
                del self._health[name]

    def _remember_deletion(self, item: Json) -> None:
        asked_at = first_asked_at(item, self._asked.get(uid_of(item)))
        if asked_at is not None:
            self._asked[uid_of(item)] = asked_at

    def _change_node(self, item: Json, deleted: bool) -> None:
        name = item["metadata"]["name"]
        self.nodes_dirty = True
        if deleted:
            self._raw_nodes.pop(name, None)
            self._nodes.pop(name, None)
            # Its pods stay in the API for a while; to them it has just fallen silent.
            self._health[name] = NodeHealth(False, datetime.now(UTC))
            return
        self._raw_nodes[name] = item
        self._health[name] = health_of(item)
        self._view(name)

    def _view(self, name: str) -> None:
        scope = self._scope
        if name in self._raw_nodes:
            held: Mapping[str, int] = self._held.get(name, {})
            self._nodes[name] = node_of(self._raw_nodes[name], scope.rules, scope.tolerations, held)
            self.nodes_dirty = True

    def _change_foreign(self, item: Json, deleted: bool) -> None:
        uid, node = item["metadata"]["uid"], item["spec"].get("nodeName", "")
        self._forget_foreign(uid)
        devices = devices_of(item, self._scope.resources)
        if deleted or not node or not devices:
            return
        self._foreign[uid] = (node, devices)
        self._held.setdefault(node, Counter()).update(devices)
        self._view(node)

    def _forget_foreign(self, uid: str) -> None:
        node, devices = self._foreign.pop(uid, ("", {}))
        if devices:
            self._held[node].subtract(devices)
            if not any(self._held[node].values()):
                del self._held[node]
            self._view(node)
