"""Learn of changes: shims and callers ring a bell, and a pidfd tells of a shim's death.

A look at everything every :data:`RELIST_S` seconds is the truth if both failed.
"""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from portal.adapters.local.layout import Layout, attempt_of, read_json
from portal.adapters.local.shim.bell import Bell
from portal.adapters.local.status import observe
from portal.adapters.local.stopping import open_shim, sweep_after_shim
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase
from portal.domain.resources import Node
from portal.ports import ClusterListener

RELIST_S = 10.0
RETRY_S = 1.0
MAX_HANDLES = 256
"""Shims beyond that are looked after by the regular look at everything."""
NODES = "nodes"
"""What is rung when the nodes have changed."""

log = logging.getLogger(__name__)


class Watch:
    """One listener's view of the runtime."""

    def __init__(
        self, layout: Layout, nodes: Callable[[], list[Node]], listener: ClusterListener
    ) -> None:
        self._layout = layout
        self._nodes = nodes
        self._listener = listener
        self._known: dict[AttemptRef, Observed] = {}
        self._handles: dict[Path, int] = {}
        self._selector = selectors.DefaultSelector()

    def run(self, stop: Event) -> None:
        """Until ``stop``; breaks are recovered from inside."""
        told = False
        while not stop.is_set():
            try:
                self._watch(stop)
            except Exception as error:
                log.exception("the watch of the local runtime broke")
                if not told:
                    self._tell_unreachable(str(error))
                told = True
                stop.wait(RETRY_S)
            else:
                told = False
            finally:
                self._close_handles()
        self._selector.close()

    def _tell_unreachable(self, why: str) -> None:
        self._tell(lambda: self._listener.unreachable(why))

    def _watch(self, stop: Event) -> None:
        self._layout.tidy()
        bell = Bell(str(self._layout.watchers))
        self._selector.register(bell, selectors.EVENT_READ)
        threading.Thread(target=_wake_at, args=(stop, bell), daemon=True).start()
        try:
            self._list_first()
            next_list = time.monotonic() + RELIST_S
            while not stop.is_set():
                self._wait(bell, next_list - time.monotonic())
                if time.monotonic() >= next_list:
                    self._look_at_everything()
                    next_list = time.monotonic() + RELIST_S
        finally:
            self._selector.unregister(bell)
            bell.close()

    def _list_first(self) -> None:
        self._listener.nodes_changed(self._nodes())
        everything = {ref: observe(self._layout, ref) for ref in self._layout.attempts()}
        self._listener.listed({ref: seen for ref, seen in everything.items() if not seen.gone})
        self._known = everything
        for seen in everything.values():
            self._look_after(seen)

    def _wait(self, bell: Bell, timeout_s: float) -> None:
        """Sleep until something happens, and pass it on."""
        changed: set[str] | None = set()
        for key, _ in self._selector.select(max(0.0, timeout_s)):
            if key.fileobj is bell:
                changed = bell.read()
            else:
                self._shim_died(key.data)
        if changed is None:
            self._look_at_everything()
            return
        if NODES in changed:
            self._tell(lambda: self._listener.nodes_changed(self._nodes()))
        found = {attempt_of(name.partition("/")[0]) for name in changed}
        for ref in found:
            if ref is not None:
                self._look_at(ref)

    def _shim_died(self, folder: Path) -> None:
        self._drop_handle(folder)
        ref = attempt_of(folder.parent.name)
        if ref is not None:
            self._look_at(ref)

    def _look_at_everything(self) -> None:
        for ref in set(self._known) | set(self._layout.attempts()):
            self._look_at(ref)

    def _look_at(self, ref: AttemptRef) -> None:
        """Tell of an attempt if it is not as it was."""
        seen = observe(self._layout, ref)
        changed = seen != self._known.get(ref, Observed(ref))
        if changed and not self._tell(lambda: self._listener.attempt_changed(seen)):
            return
        if seen.gone:
            self._known.pop(ref, None)
        else:
            self._known[ref] = seen
        self._look_after(seen)

    def _look_after(self, seen: Observed) -> None:
        """Hold on to living shims; clear away what killed ones have left."""
        for replica in seen.replicas:
            folder = self._layout.replica(seen.ref, replica.name)
            if replica.phase in (ReplicaPhase.PENDING, ReplicaPhase.RUNNING):
                self._hold(folder)
            elif replica.phase is ReplicaPhase.LOST:
                sweep_after_shim(folder)

    def _hold(self, folder: Path) -> None:
        if folder in self._handles or len(self._handles) >= MAX_HANDLES:
            return
        fd = open_shim(read_json(folder / "status.json") or {})
        if fd is not None:
            self._handles[folder] = fd
            self._selector.register(fd, selectors.EVENT_READ, folder)

    def _drop_handle(self, folder: Path) -> None:
        fd = self._handles.pop(folder)
        self._selector.unregister(fd)
        os.close(fd)

    def _close_handles(self) -> None:
        for folder in list(self._handles):
            self._drop_handle(folder)

    def _tell(self, call: Callable[[], None]) -> bool:
        """A listener's failure must not end the watch; the next look reports it again."""
        try:
            call()
        except Exception:
            log.exception("a listener of the local runtime failed")
            return False
        return True


def _wake_at(stop: Event, bell: Bell) -> None:
    stop.wait()
    bell.wake()
