"""A ``Cluster`` in memory, held to the same contract as the real ones.

With ``auto=True`` commands are acted out (see :mod:`portal.testing.script`) in the fake's
own time, which :meth:`FakeCluster.advance` moves. Without it nothing happens by itself: the
test says :meth:`~FakeCluster.run`, :meth:`~FakeCluster.finish`, :meth:`~FakeCluster.lose`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Condition, Event, RLock
from typing import Any

from portal.domain.errors import AoliError, PermanentFailure, TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.launch import Launch, Observed, ReplicaPhase, SharedFile
from portal.domain.resources import Node
from portal.ports import ClusterListener
from portal.testing.builders import NOON, a_node
from portal.testing.fake_replica import FakeReplica

POLL_S = 0.02
Change = AttemptRef | str
"""What a watch is woken with: an attempt, or ``nodes``, ``away``, ``back``."""


class FakeCluster:
    """See the module. May be used from any thread.

    ``stops_at_once``: without ``auto``, a replica asked to stop ends there and then with
    exit code 143; set it false to keep it stopping until ``finish`` or the grace is over.
    """

    def __init__(
        self,
        nodes: Sequence[Node] = (),
        *,
        auto: bool = False,
        keeps_logs: bool = False,
        jobs_reach_portal: bool = False,
        name: str = "fake",
        now: datetime = NOON,
    ) -> None:
        self.name = name
        self.keeps_logs = keeps_logs
        self.jobs_reach_portal = jobs_reach_portal
        self.auto = auto
        self.now = now
        self.stops_at_once = True
        self.launches: list[Launch] = []
        """Every call that was let through, repeated ones too."""
        self.stops: list[tuple[AttemptRef, int]] = []
        self.removals: list[tuple[AttemptRef, bool]] = []
        self.files: dict[AttemptRef, dict[str, str]] = {}
        """The texts of the files that an attempt's replicas share, by name."""
        self._changed = Condition(RLock())
        self._nodes = {node.name: node for node in nodes or (a_node(),)}
        self._attempts: dict[AttemptRef, dict[str, FakeReplica]] = {}
        self._watches: list[SimpleQueue[Change]] = []
        self._away: str = ""
        self._refusals: list[Exception] = []

    # -- the port ----------------------------------------------------------------------

    def ping(self) -> None:
        """See the port."""
        with self._changed:
            self._check()

    def nodes(self) -> Sequence[Node]:
        """See the port."""
        with self._changed:
            self._check()
            return sorted(self._nodes.values(), key=lambda node: node.name)

    def set_cordoned(self, node: str, cordoned: bool) -> None:
        """See the port."""
        with self._changed:
            self._check()
            self._change_node(node, cordoned=cordoned)

    def launch(self, launch: Launch) -> None:
        """See the port."""
        with self._changed:
            self._check()
            if self._refusals:
                raise self._refusals.pop(0)
            self.launches.append(launch)
            replicas = self._attempts.setdefault(launch.ref, {})
            self.files.setdefault(launch.ref, {file.name: file.text for file in launch.files})
            for replica in launch.replicas:
                if replica.name not in replicas:
                    replicas[replica.name] = FakeReplica(replica)
                    if self.auto:
                        replicas[replica.name].run(self.now, acts=True)
            self._tell(launch.ref)

    def stop(self, ref: AttemptRef, grace_s: int) -> None:
        """See the port."""
        with self._changed:
            self._check()
            self.stops.append((ref, grace_s))
            for replica in self._attempts.get(ref, {}).values():
                replica.stop(self.now, grace_s, obeys=self.auto or self.stops_at_once)
            self._tell(ref)

    def remove(self, ref: AttemptRef, *, force: bool = False) -> None:
        """See the port."""
        with self._changed:
            self._check()
            self.removals.append((ref, force))
            self.files.pop(ref, None)
            if self._attempts.pop(ref, None) is not None:
                self._tell(ref)

    def publish(self, ref: AttemptRef, files: Sequence[SharedFile]) -> None:
        """See the port."""
        with self._changed:
            self._check()
            known = self.files.get(ref, {})
            known.update({file.name: file.text for file in files if file.name in known})

    def observe(self, ref: AttemptRef) -> Observed:
        """See the port."""
        with self._changed:
            self._check()
            replicas = self._attempts.get(ref, {}).values()
            return Observed(ref, tuple(replica.status() for replica in replicas))

    def observe_all(self) -> Mapping[AttemptRef, Observed]:
        """See the port."""
        with self._changed:
            self._check()
            return {ref: self.observe(ref) for ref in self._attempts}

    def watch(self, listener: ClusterListener, stop: Event) -> None:
        """See the port."""
        changes: SimpleQueue[Change] = SimpleQueue()
        with self._changed:
            self._watches.append(changes)
            changes.put("away" if self._away else "back")
        try:
            while not stop.is_set():
                try:
                    change = changes.get(timeout=POLL_S)
                except Empty:
                    continue
                self._hear(change, listener)
        finally:
            with self._changed:
                self._watches.remove(changes)

    def logs(
        self, ref: AttemptRef, replica: str, *, since: datetime | None = None, follow: bool = False
    ) -> Iterator[bytes]:
        """See the port."""
        taken = 0
        while True:
            with self._changed:
                self._check()
                found = self._attempts.get(ref, {}).get(replica)
                lines = found.lines[taken:] if found else []
                taken += len(lines)
                last = not follow or found is None or found.ended
            for at, text in lines:
                if since is None or at >= since.replace(microsecond=0):
                    yield f"{at:%Y-%m-%dT%H:%M:%S.%f}Z {text}\n".encode()
            if last:
                return
            with self._changed:
                self._changed.wait(POLL_S)

    def host_of(self, ref: AttemptRef, replica: str) -> str:
        """The host name by which the attempt's other replicas reach this one."""
        return f"{replica}.{ref.job_id}"

    def manifests(self, launch: Launch) -> list[dict[str, Any]]:
        """See the port."""
        return [{"name": r.name, "command": r.command} for r in launch.replicas]

    # -- what a test makes happen ------------------------------------------------------

    @property
    def unreachable(self) -> bool:
        """Set it, and nothing answers until it is taken back."""
        return bool(self._away)

    @unreachable.setter
    def unreachable(self, away: bool) -> None:
        with self._changed:
            self._away = "the cluster does not answer" if away else ""
            self._tell("away" if away else "back")

    def refuse(self, why: str | AoliError = "refused", *, temporary: bool = False) -> None:
        """The next launch fails (once for each call), with this error or with these words."""
        if isinstance(why, str):
            failure: AoliError = TemporaryFailure(why) if temporary else PermanentFailure(why)
        else:
            failure = why
        with self._changed:
            self._refusals.append(failure)

    def advance(self, seconds: float) -> None:
        """Move the fake's time; commands go on, graces end."""
        with self._changed:
            self.now += timedelta(seconds=seconds)
            for ref, replicas in self._attempts.items():
                moved = [replica.advance(self.now) for replica in replicas.values()]
                if any(moved):
                    self._tell(ref)

    def run(self, ref: AttemptRef, replica: str | None = None) -> None:
        """Pending replicas run."""
        self._each(ref, replica, lambda found: found.run(self.now))

    def finish(self, ref: AttemptRef, replica: str | None = None, exit_code: int = 0) -> None:
        """Replicas end."""
        self._each(ref, replica, lambda found: found.end(self.now, exit_code))

    def say(self, ref: AttemptRef, text: str, replica: str | None = None) -> None:
        """Replicas print a line."""
        self._each(ref, replica, lambda found: found.lines.append((self.now, text)))

    def fail_pull(self, ref: AttemptRef, detail: str = "not found") -> None:
        """The image cannot be pulled."""
        self._each(
            ref, None, lambda found: found.go_wrong(ReplicaPhase.PENDING, "image_pull", detail)
        )

    def unplaced(self, ref: AttemptRef, detail: str = "0/1 nodes are available") -> None:
        """No node takes the replicas."""
        self._each(
            ref, None, lambda found: found.go_wrong(ReplicaPhase.PENDING, "unschedulable", detail)
        )

    def lose(self, ref: AttemptRef, replica: str | None = None, code: str = "replica_lost") -> None:
        """Replicas are lost (``runtime_stopped`` is another code)."""
        self._each(ref, replica, lambda found: found.go_wrong(ReplicaPhase.LOST, code, code))

    def note(self, ref: AttemptRef, notes: Mapping[str, str], replica: str | None = None) -> None:
        """The device plugin writes on replicas."""
        self._each(ref, replica, lambda found: found.note(notes))

    def vanish(self, ref: AttemptRef) -> None:
        """An attempt is deleted behind the portal's back."""
        with self._changed:
            if self._attempts.pop(ref, None) is not None:
                self._tell(ref)

    def lose_node(self, name: str) -> None:
        """A node does not answer any more, its replicas are lost."""
        with self._changed:
            self._change_node(name, ready=False)
            for ref, replicas in self._attempts.items():
                for replica in replicas.values():
                    if replica.node == name and not replica.ended:
                        replica.go_wrong(ReplicaPhase.LOST, "node_lost", f"{name} is lost")
                        self._tell(ref)

    def set_nodes(self, *nodes: Node) -> None:
        """These are the nodes now."""
        with self._changed:
            self._nodes = {node.name: node for node in nodes}
            self._tell("nodes")

    # -- inside ------------------------------------------------------------------------

    def _check(self) -> None:
        if self._away:
            raise TemporaryFailure(self._away)

    def _tell(self, change: Change) -> None:
        for watch in self._watches:
            watch.put(change)
        self._changed.notify_all()

    def _hear(self, change: Change, listener: ClusterListener) -> None:
        """Pass one change on, as things are now."""
        try:
            if isinstance(change, AttemptRef):
                listener.attempt_changed(self.observe(change))
            elif change == "away":
                listener.unreachable(self._away)
            else:
                listener.nodes_changed(self.nodes())
                if change == "back":
                    listener.listed(self.observe_all())
        except TemporaryFailure:
            return

    def _change_node(self, name: str, **fields: Any) -> None:
        if name not in self._nodes:
            raise PermanentFailure(f"there is no node {name}")
        self._nodes[name] = replace(self._nodes[name], **fields)
        self._tell("nodes")

    def _each(self, ref: AttemptRef, replica: str | None, do: Any) -> None:
        with self._changed:
            for name, found in self._attempts[ref].items():
                if replica in (None, name):
                    do(found)
            self._tell(ref)
