"""The scheduler: of all that run, the leader ticks and listens to the cluster.

Leading begins and ends as a whole (:class:`Duty`): the ticks, and the watch with its thread.
Both ask before every step whether the lead is still theirs, because a process that was frozen
does not know for how long.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from portal.adapters.leader import Leader
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed
from portal.domain.resources import Node
from portal.models.db import session
from portal.ports import Cluster, ClusterListener
from portal.processes.log_lines import configure_logging
from portal.processes.ticks import Tick, all_ticks

if TYPE_CHECKING:
    from portal.settings import Settings

log = logging.getLogger(__name__)

TOKEN_VARIABLE = "AOLI_LEADER_TOKEN"  # noqa: S105 - names a candidate, opens nothing
RESTART_WATCH_S = 1.0
END_S = 5.0


class GuardedListener:
    """Passes the watch's news on, with a database session, while we lead.

    One piece of news that cannot be taken in must not end the watch: the full pass will see
    what it was about.
    """

    def __init__(self, listener: ClusterListener, leading: Callable[[], bool]) -> None:
        self._listener = listener
        self._leading = leading

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """See :class:`~portal.ports.ClusterListener`."""
        self._pass_on("nodes", lambda: self._listener.nodes_changed(nodes))

    def attempt_changed(self, observed: Observed) -> None:
        """See :class:`~portal.ports.ClusterListener`."""
        self._pass_on(str(observed.ref), lambda: self._listener.attempt_changed(observed))

    def listed(self, observed: Mapping[AttemptRef, Observed]) -> None:
        """See :class:`~portal.ports.ClusterListener`."""
        self._pass_on("list", lambda: self._listener.listed(observed))

    def unreachable(self, why: str) -> None:
        """See :class:`~portal.ports.ClusterListener`."""
        self._pass_on("unreachable", lambda: self._listener.unreachable(why))

    def _pass_on(self, what: str, call: Callable[[], None]) -> None:
        if not self._leading():
            return
        try:
            with session():
                call()
        except Exception:
            log.exception("news of the cluster was not taken in (%s)", what)


class Duty:
    """All that a leader does, from :meth:`begin` to :meth:`end`."""

    def __init__(
        self,
        ticks: Sequence[Tick],
        cluster: Cluster,
        listener: ClusterListener,
        leading: Callable[[], bool],
    ) -> None:
        self._ticks = ticks
        self._cluster = cluster
        self._listener = GuardedListener(listener, leading)
        self._leading = leading
        self._stop = threading.Event()
        self._clock: BackgroundScheduler | None = None
        self._watch: threading.Thread | None = None

    def begin(self, _epoch: int = 0) -> None:
        """Start ticking and watching."""
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._keep_watching, name="watch", daemon=True)
        self._watch.start()
        self._clock = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(max(len(self._ticks), 1))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30},
        )
        for tick in self._ticks:
            self._clock.add_job(
                self._guarded(tick),
                "interval",
                seconds=tick.every_s,
                name=tick.name,
                next_run_time=datetime.now(UTC),
            )
        self._clock.start()

    def end(self) -> None:
        """Stop both. A watch that does not end is left behind by ending the process."""
        self._stop.set()
        if self._clock is not None:
            self._clock.shutdown(wait=False)
            self._clock = None
        if self._watch is not None:
            self._watch.join(END_S)
            if self._watch.is_alive():
                log.error("the watch did not end within %.0f s: this process ends", END_S)
                os._exit(1)
            self._watch = None

    def _guarded(self, tick: Tick) -> Callable[[], None]:
        def run() -> None:
            if self._leading():
                tick.run()

        return run

    def _keep_watching(self) -> None:
        stop = self._stop
        while not stop.is_set():
            try:
                self._cluster.watch(self._listener, stop)
            except Exception:
                log.exception("the watch broke")
            stop.wait(RESTART_WATCH_S)


def run(settings: Settings) -> None:
    """The process ``aoli scheduler``."""
    configure_logging()
    from portal import wiring
    from portal.processes import start_check
    from portal.wiring.addresses import redis_url

    portal = wiring.connect(settings)
    start_check.begin(settings)
    leader = Leader(
        redis_url(settings),
        settings.leader_ttl_s,
        on_gain=lambda epoch: duty.begin(epoch),
        on_loss=lambda: duty.end(),
        token=os.environ.get(TOKEN_VARIABLE) or None,
    )
    duty = Duty(all_ticks(portal), portal.cluster, portal.watch_handler, leader.is_leader)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("standing by")
    leader.run(stop)
    log.info("ended")
