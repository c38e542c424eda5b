"""A ``ClusterListener`` that writes down what it hears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase
from portal.domain.resources import Node


class RecordingListener:
    """Keeps every call, in order; may be read from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.calls: list[str] = []
        self.nodes: tuple[Node, ...] = ()
        self.lists: list[Mapping[AttemptRef, Observed]] = []
        self.breaks: list[str] = []
        self._history: dict[AttemptRef, list[Observed]] = {}

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """See the port."""
        with self._lock:
            self.calls.append("nodes_changed")
            self.nodes = tuple(nodes)

    def attempt_changed(self, observed: Observed) -> None:
        """See the port."""
        with self._lock:
            self.calls.append("attempt_changed")
            self._history.setdefault(observed.ref, []).append(observed)

    def listed(self, observed: Mapping[AttemptRef, Observed]) -> None:
        """See the port; what is absent is kept as gone."""
        with self._lock:
            self.calls.append("listed")
            self.lists.append(dict(observed))
            for ref in self._history.keys() | observed.keys():
                self._history.setdefault(ref, []).append(observed.get(ref, Observed(ref)))

    def unreachable(self, why: str) -> None:
        """See the port."""
        with self._lock:
            self.calls.append("unreachable")
            self.breaks.append(why)

    def latest(self, ref: AttemptRef) -> Observed | None:
        """The last that was heard of an attempt, ``None`` when nothing was."""
        with self._lock:
            return self._history[ref][-1] if ref in self._history else None

    def phases(self, ref: AttemptRef, replica: str = "worker-0") -> list[ReplicaPhase]:
        """The phases of a replica in the order heard, without repetitions."""
        phases: list[ReplicaPhase] = []
        with self._lock:
            for observed in self._history.get(ref, []):
                for status in observed.replicas:
                    if status.name == replica and phases[-1:] != [status.phase]:
                        phases.append(status.phase)
        return phases
