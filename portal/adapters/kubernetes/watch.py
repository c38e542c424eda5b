"""The cluster's watch: feeds of pods and nodes, turned into calls of the listener.

Threads read (:mod:`feed`), the calling thread keeps the state and speaks to the listener.
News that has come in together is reported together, and only what has really changed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

from portal.adapters.kubernetes.client import KubernetesApi
from portal.adapters.kubernetes.feed import Broken, Changed, Feed, Listed, Mended, News, Pulse
from portal.adapters.kubernetes.reading import Reader
from portal.adapters.kubernetes.scope import ALL_PODS, NODES, Scope
from portal.adapters.kubernetes.watch_state import WatchState
from portal.domain.errors import TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed
from portal.domain.resources import Node
from portal.ports import ClusterListener

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""How often what changes by time alone is looked at, and ``stop`` is noticed."""
LEFTOVERS_S = 2.0
"""How often attempts without pods are looked at until nothing of them is left."""
RETRY_S = 1.0
"""Wait after a listener that failed."""
JOIN_S = 2.0


class ClusterWatch:
    """One call of ``Cluster.watch``."""

    def __init__(
        self, api: KubernetesApi, scope: Scope, listener: ClusterListener, stop: Event
    ) -> None:
        self._api = api
        self._reader = Reader(api, scope)
        self._scope = scope
        self._listener = listener
        self._stop = stop
        self._news: SimpleQueue[News] = SimpleQueue()
        self._state = WatchState(scope)
        self._halt = Event()
        self._feeds = self._make_feeds()
        self._silent = {feed.feed for feed in self._feeds}
        """Feeds that have not listed anything yet, or are broken."""
        self._down = False
        self._all_anew = True
        self._told: dict[AttemptRef, Observed] = {}
        self._told_nodes: tuple[Node, ...] = ()
        self._leftovers_at = 0.0

    def run(self) -> None:
        """Watch until ``stop`` is set."""
        threads = [*self._feeds, Pulse(self._api, self._news, self._halt, self._feeds)]
        for thread in threads:
            thread.start()
        try:
            while not self._stop.is_set():
                self._hear()
                if not self._silent:
                    self._speak()
        finally:
            self._halt.set()
            for feed in self._feeds:
                feed.interrupt()
            for thread in threads:
                thread.join(JOIN_S)
            self._api.close()

    def _make_feeds(self) -> list[Feed]:
        def feed(name: str, path: str, query: dict[str, str], optional: bool = False) -> Feed:
            return Feed(name, self._api, path, query, self._news, self._halt, optional=optional)

        feeds = [
            feed("nodes", NODES, {}),
            feed("pods", self._scope.collection("Pod"), self._scope.ours()),
        ]
        if self._scope.rules:
            feeds.append(feed("foreign", ALL_PODS, self._scope.foreign(), optional=True))
        return feeds

    # -- hearing -----------------------------------------------------------------------

    def _hear(self) -> None:
        """Take in all news there is, waiting a moment for the first."""
        try:
            self._take(self._news.get(timeout=LOOK_S))
            while True:
                self._take(self._news.get_nowait())
        except Empty:
            return

    def _take(self, news: News) -> None:
        if isinstance(news, Changed):
            self._state.change(news.feed, news.item, news.deleted)
        elif isinstance(news, Listed):
            self._silent.discard(news.feed)
            self._state.replace(news.feed, news.items)
            self._all_anew = self._all_anew or news.feed == "pods"
        elif isinstance(news, Mended):
            self._silent.discard(news.feed)
        else:
            self._lose(news)

    def _lose(self, broken: Broken) -> None:
        self._silent.add(broken.feed)
        self._all_anew = True
        if not self._down:
            self._down = True
            self._call(lambda: self._listener.unreachable(broken.why))

    # -- speaking ----------------------------------------------------------------------

    def _speak(self) -> None:
        now = datetime.now(UTC)
        if self._all_anew:
            self._tell_all(now)
            return
        self._tell_nodes()
        dirty = self._state.take_dirty(now)
        for ref in dirty:
            seen = self._state.observed(ref, now)
            if seen is not None:
                self._tell(seen)
        self._tell_bare({ref for ref in dirty if not self._state.has_pods(ref)})

    def _tell_all(self, now: datetime) -> None:
        """Nodes, then everything: at the beginning, after a break, after a new list."""
        try:
            objects = self._reader.objects()
        except TemporaryFailure as failure:
            # The feeds have lists but the API fails now: they, or the next look, will tell.
            log.info("objects cannot be listed: %s", failure)
            self._stop.wait(RETRY_S)
            return
        self._state.take_dirty(now)
        everything = {ref: Observed(ref, objects=True) for ref in objects}
        everything.update(self._state.everything(now))
        nodes = self._state.nodes()
        told = self._call(lambda: self._listener.nodes_changed(nodes))
        if told and self._call(lambda: self._listener.listed(everything)):
            self._told_nodes, self._told = nodes, everything
            self._all_anew = self._down = False

    def _tell_nodes(self) -> None:
        if not self._state.nodes_dirty:
            return
        nodes = self._state.nodes()
        if nodes == self._told_nodes or self._call(lambda: self._listener.nodes_changed(nodes)):
            self._told_nodes = nodes
            self._state.nodes_dirty = False

    def _tell(self, seen: Observed) -> None:
        if self._told.get(seen.ref) == seen:
            return
        if not self._call(lambda: self._listener.attempt_changed(seen)):
            self._state.mark(seen.ref)
        elif seen.gone:
            self._told.pop(seen.ref, None)
        else:
            self._told[seen.ref] = seen

    def _tell_bare(self, fresh: set[AttemptRef]) -> None:
        """Attempts whose pods have gone: gone altogether, or is something left?

        What else an attempt has is not watched; they are asked for while an attempt has
        nothing else.
        """
        waiting = {ref for ref, seen in self._told.items() if not seen.replicas}
        due = time.monotonic() - self._leftovers_at >= LEFTOVERS_S
        if not fresh and not (waiting and due):
            return
        self._leftovers_at = time.monotonic()
        try:
            objects = self._reader.objects()
        except TemporaryFailure:
            for ref in fresh:
                self._state.mark(ref)
            return
        for ref in fresh | waiting:
            if not self._state.has_pods(ref):
                self._tell(Observed(ref, objects=ref in objects))

    def _call(self, tell: Callable[[], Any]) -> bool:
        """Whether the listener took it. One that fails must not end the watch."""
        try:
            tell()
        except Exception:
            log.exception("the watch's listener failed")
            self._stop.wait(RETRY_S)
            return False
        return True
