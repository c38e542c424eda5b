"""The doors to the outside. Adapters stand behind them, services in front.

Every ``Cluster`` is held to ``portal.testing.cluster_contract``, every ``Mailer`` to
``portal.testing.mailer_contract``; the in-memory fakes too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any, Protocol

from portal.domain.job import AttemptRef
from portal.domain.launch import Launch, Observed, SharedFile
from portal.domain.mail import Mail
from portal.domain.resources import Node


class ClusterListener(Protocol):
    """Who is informed of changes; called from the watching thread, one call at a time."""

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """All nodes, as they are now."""

    def attempt_changed(self, observed: Observed) -> None:
        """One attempt, as it is now (``observed.gone`` when it has left the cluster)."""

    def listed(self, observed: Mapping[AttemptRef, Observed]) -> None:
        """Everything on the cluster, after a (re-)list: what is absent is gone."""

    def unreachable(self, why: str) -> None:
        """The cluster does not answer; called once per break, the watch goes on trying."""


class Cluster(Protocol):
    """Where replicas run. All calls may be repeated without harm.

    They raise :class:`~portal.domain.errors.TemporaryFailure` when the cluster does not
    answer and :class:`~portal.domain.errors.PermanentFailure` when it refuses for good.
    """

    name: str
    keeps_logs: bool
    """It writes replicas' output into the log store itself (nobody needs to fetch it)."""

    @property
    def jobs_reach_portal(self) -> bool:
        """Whether jobs run as the portal's own user, with nothing between them."""

    def ping(self) -> None:
        """Return when the cluster answers."""

    def nodes(self) -> Sequence[Node]:
        """All nodes, ordered by name."""

    def set_cordoned(self, node: str, cordoned: bool) -> None:
        """Keep new work off a node, or let it in again."""

    def launch(self, launch: Launch) -> None:
        """Start all replicas of an attempt; what is already there is left as it is."""

    def stop(self, ref: AttemptRef, grace_s: int) -> None:
        """Ask all replicas to end (SIGTERM, after ``grace_s`` seconds SIGKILL) and go.

        Returns at once. When they have ended, everything of the attempt leaves the cluster
        by itself or by :meth:`remove`.
        """

    def remove(self, ref: AttemptRef, *, force: bool = False) -> None:
        """Take away everything of an attempt, ended or not.

        ``force``: do not wait for a node that does not answer.
        """

    def publish(self, ref: AttemptRef, files: Sequence[SharedFile]) -> None:
        """Replace the texts of shared files of an attempt; its replicas see it soon.

        Files that the attempt was launched without are not added. Nothing of the attempt
        left: nothing happens.
        """

    def observe(self, ref: AttemptRef) -> Observed:
        """One attempt as it is now."""

    def observe_all(self) -> Mapping[AttemptRef, Observed]:
        """Every attempt of this portal on the cluster."""

    def watch(self, listener: ClusterListener, stop: Event) -> None:
        """Tell ``listener`` of every change until ``stop`` is set. Never raises.

        Begins with ``nodes_changed`` and ``listed``. Breaks are recovered from inside, with
        back-off, and followed by a new ``listed``.
        """

    def logs(
        self, ref: AttemptRef, replica: str, *, since: datetime | None = None, follow: bool = False
    ) -> Iterator[bytes]:
        """Lines of a replica's output, each ``<RFC 3339 time, UTC> <text>\\n``.

        ``since`` leaves out what is older (to the second; lines of that second may come
        again). ``follow`` goes on until the replica ends. No replica: nothing.

        A line has no carriage return (``portal.domain.redraws``). With ``follow`` one without
        ``\\n`` may come between: what a line that is drawn anew shows now, about once a second.
        """

    def host_of(self, ref: AttemptRef, replica: str) -> str:
        """The host name by which the attempt's other replicas reach this one (no I/O)."""

    def manifests(self, launch: Launch) -> list[dict[str, Any]]:
        """What :meth:`launch` would create, as a preview; secrets redacted."""


class Queue(Protocol):
    """Work for later, done by a worker. At most one waiting call per task and key."""

    def enqueue(self, task: str, *args: str, key: str | None = None) -> None:
        """Ask for ``portal.tasks`` function ``task(*args)``.

        Never raises when the queue is away: the ticks do the work then.
        """

    def ping(self) -> None:
        """Return when the queue answers, else raise ``TemporaryFailure``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something changed: ``topic`` (``job``, ``nodes``, ``vc``) and which one."""

    topic: str
    key: str
    data: Mapping[str, Any]


class Events(Protocol):
    """News for the open pages. Losing one is harmless: pages also poll."""

    def publish(self, topic: str, key: str, **data: Any) -> None:
        """Tell everyone; never raises."""

    def subscribe(self, stop: Event) -> Iterator[Notice | None]:
        """All news from now on until ``stop``; ``None`` at least every second when quiet."""


class Mailer(Protocol):
    """Sends mails. Held to ``portal.testing.mailer_contract``; the in-memory fake too."""

    def send(self, mail: Mail) -> tuple[str, ...]:
        """Return when the mail server has taken it for at least one receiver.

        Returns the receivers that it refused for good. Raises ``TemporaryFailure`` when the
        server does not answer, asks to come back, or does not know our log-in (which an
        administrator fixes); ``PermanentFailure`` when it refuses the mail for good.
        """


@dataclass(frozen=True, slots=True)
class PluginCall:
    """A call of one plugin, as it is sent to the process that runs it.

    ``arguments`` are values that can be pickled; another plugin is given as
    :class:`PluginName`, the function that tells a replica's host name as :data:`HOST_OF`.
    """

    plugin: PluginName
    member: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class PluginName:
    """A plugin by its entry point."""

    group: str
    name: str


HOST_OF = "«host of»"
"""Stands for the function in :attr:`PluginCall.arguments`."""


class PluginLate(Exception):
    """The call was not over in time; its process is gone."""


class PluginBroke(Exception):
    """The call raised what is no answer, or ended its process; the text says what."""


class PluginHosts(Protocol):
    """Where the code of plugins runs that are not the portal's own."""

    def run(self, call: PluginCall, timeout_s: float, host_of: Callable[[str], str] | None) -> Any:
        """What the call returned, after ``timeout_s`` seconds at most.

        Raises :class:`PluginLate`, :class:`PluginBroke`, an ``InvalidSpec`` or
        ``NotKnownYet`` of the plugin, and ``TemporaryFailure`` when there is no room.
        """

    def warm(self) -> None:
        """Have a process ready before it is needed."""

    def close(self) -> None:
        """End them all."""
