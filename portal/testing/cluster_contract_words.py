"""What the conformance tests of the ``Cluster`` port share: flags, hooks, words."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.domain.job import AttemptRef
from portal.domain.launch import HostMount, Launch, ReplicaPhase, ReplicaStatus
from portal.ports import Cluster
from portal.testing.builders import a_launch
from portal.testing.recording import RecordingListener
from portal.testing.waiting import eventually

TRAPS = "trap 'echo bye; exit 0' TERM; sleep 600 & echo ready; wait"
"""Says ``ready``; ends by itself, saying ``bye``, when asked to."""
STUBBORN = "trap '' TERM; sleep 600 & echo ready; wait"
"""Will not end when asked to."""
WAITS = "echo ready; sleep 600"
ENDED = (ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED)
LINE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z [^\n]*\n")


class ContractWords:
    """Flags and hooks of a cluster under test, and the words its tests are written in."""

    real_commands = True
    """Commands run in a real shell (a fake knows ``echo``, ``sleep``, ``exit``, ``trap``)."""
    supports_images = False
    """Images are pulled, and a wrong one is reported as ``image_pull``."""
    supports_mounts = True
    """Mounts are visible to the command, and :meth:`storage` is this machine's folder."""
    deadline_s: float = 20
    """How long anything may take."""
    image = "python:3.11"
    """An image the cluster can run."""
    missing_image = "localhost:1/aoli/no-such-image:0"

    # -- what the subclass gives -------------------------------------------------------

    @pytest.fixture
    def cluster(self) -> Iterator[Cluster]:
        """The cluster under test."""
        raise NotImplementedError("a contract's subclass gives the cluster")

    def tick(self, cluster: Cluster) -> None:
        """Called before every look while waiting; a fake moves its clock here."""

    def lose(self, cluster: Cluster, ref: AttemptRef, replica: str) -> None:
        """Take a running replica away behind the adapter's back."""
        pytest.skip("this cluster's contract has no way to lose a replica")

    def storage(self, tmp_path: Path) -> Path:
        """A folder of this machine that the nodes see under the same path."""
        return tmp_path / "storage"

    def inside(self, cluster: Cluster, mount: HostMount) -> str:
        """Where a command finds ``mount``, as the shell reads it."""
        return mount.target

    # -- words of the tests ------------------------------------------------------------

    @pytest.fixture
    def start(self, cluster: Cluster) -> Iterator[Callable[..., Launch]]:
        """Launch a command (fields as in ``a_launch``); everything is taken away at the end."""
        launched: list[AttemptRef] = []

        def launch(command: str = WAITS, **fields: Any) -> Launch:
            given: dict[str, Any] = {"node": self.node(cluster), "image": self.image}
            made = a_launch(command, **{**given, **fields})
            launched.append(made.ref)
            cluster.launch(made)
            return made

        yield launch
        for ref in launched:
            cluster.remove(ref, force=True)

    @pytest.fixture
    def watching(self, cluster: Cluster) -> Iterator[RecordingListener]:
        """A listener that receives everything; the watch has begun."""
        listener, stop = RecordingListener(), threading.Event()
        thread = threading.Thread(target=cluster.watch, args=(listener, stop), daemon=True)
        thread.start()
        self.wait(cluster, lambda: listener.lists, "the first full list")
        yield listener
        stop.set()
        thread.join(self.deadline_s)
        assert not thread.is_alive(), "watch() goes on after stop was set"

    def node(self, cluster: Cluster) -> str:
        """A node to run on."""
        return next(node.name for node in cluster.nodes() if node.schedulable)

    def wait(self, cluster: Cluster, probe: Callable[[], Any], what: str) -> Any:
        """Poll until ``probe`` is true, and return its answer."""
        return eventually(probe, self.deadline_s, what=what, tick=lambda: self.tick(cluster))

    def replica(self, cluster: Cluster, ref: AttemptRef, name: str = "") -> ReplicaStatus | None:
        """One replica as observed now (the only one without a name)."""
        found = [r for r in cluster.observe(ref).replicas if name in ("", r.name)]
        return found[0] if found else None

    def until(
        self, cluster: Cluster, ref: AttemptRef, *phases: ReplicaPhase, name: str = ""
    ) -> ReplicaStatus:
        """Wait until the replica is in one of ``phases``."""

        def there() -> ReplicaStatus | None:
            status = self.replica(cluster, ref, name)
            return status if status and status.phase in phases else None

        status = self.wait(cluster, there, f"{ref} to be {phases}")
        assert isinstance(status, ReplicaStatus)
        return status

    def until_gone(self, cluster: Cluster, ref: AttemptRef) -> None:
        """Wait until nothing is left, having taken away what ended."""
        cluster.remove(ref)
        self.wait(cluster, lambda: cluster.observe(ref).gone, f"{ref} to be gone")

    def until_stopped(self, cluster: Cluster, ref: AttemptRef) -> None:
        """Wait until every replica has ended or left."""

        def stopped() -> bool:
            return all(r.phase in ENDED for r in cluster.observe(ref).replicas)

        self.wait(cluster, stopped, f"{ref} to stop")

    def text(self, cluster: Cluster, ref: AttemptRef, replica: str = "worker-0") -> str:
        """A replica's output without the times."""
        lines = list(cluster.logs(ref, replica))
        assert all(LINE.fullmatch(line) for line in lines), lines
        return "".join(line.partition(b" ")[2].decode() for line in lines)

    def until_said(self, cluster: Cluster, ref: AttemptRef, word: str) -> None:
        """Wait until the output holds ``word``."""
        self.wait(cluster, lambda: word in self.text(cluster, ref), f"{ref} to say {word}")
