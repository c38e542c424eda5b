"""Words for the tests of the local runtime."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from portal.adapters.local.layout import Layout, read_json
from portal.adapters.local.runtime import LocalCluster
from portal.adapters.local.surroundings import MARK
from portal.domain.job import AttemptRef
from portal.domain.launch import ReplicaPhase, ReplicaStatus
from portal.testing import eventually

NAME = "worker-0"


class Place:
    """The folders of one runtime, and looks at what goes on in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(root / "state")

    def cluster(self, **settings: Any) -> LocalCluster:
        """A runtime on these folders, as another process would have its own."""
        return LocalCluster(
            state_dir=self.root / "state",
            storage_root=self.root / "storage",
            log_dir=self.root / "logs",
            **settings,
        )

    def record(self, ref: AttemptRef) -> dict[str, Any]:
        """The status file of the only replica."""
        return read_json(self.layout.replica(ref, NAME) / "status.json") or {}

    def processes(self) -> list[int]:
        """Every process of every replica, known by its environment."""
        mark = f"{MARK}={self.root / 'state'}/".encode()
        return [pid for pid in _processes() if any(v.startswith(mark) for v in _environ(pid))]


def _processes() -> Iterable[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def status(cluster: LocalCluster, ref: AttemptRef) -> ReplicaStatus:
    """The only replica as it is now."""
    return cluster.observe(ref).replicas[0]


def until(cluster: LocalCluster, ref: AttemptRef, *phases: ReplicaPhase) -> ReplicaStatus:
    """Wait until the only replica is in one of ``phases``."""
    eventually(lambda: status(cluster, ref).phase in phases, what=f"{ref} to be {phases}")
    return status(cluster, ref)


def said(cluster: LocalCluster, ref: AttemptRef) -> str:
    """What the only replica has printed."""
    return "".join(line.partition(b" ")[2].decode() for line in cluster.logs(ref, NAME))


def until_said(cluster: LocalCluster, ref: AttemptRef, word: str) -> None:
    """Wait until it has printed ``word``."""
    eventually(lambda: word in said(cluster, ref), what=f"{ref} to say {word}")
