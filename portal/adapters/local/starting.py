"""Start shims, and wait for each to say that its replica is in its hands."""

from __future__ import annotations

import marshal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.adapters.local.capabilities import PYTHON_FLAGS, SHIM, clean_python_env
from portal.adapters.local.surroundings import Surroundings, shell
from portal.domain.errors import TemporaryFailure
from portal.domain.storage_path import live_path

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class ShimOrder:
    """What a shim must know."""

    name: str
    folder: Path
    watchers: Path
    log: Path
    lifeline: str
    command: str
    around: Surroundings
    namespace: str
    user: int | None = None

    def plan(self) -> dict[str, Any]:
        """As the shim reads it."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "watchers": str(self.watchers),
            "log": str(self.log),
            "live": live_path(str(self.log)),
            "lifeline": self.lifeline,
            "argv": [shell(), "-c", self.command],
            "env": self.around.env,
            "cwd": self.around.cwd,
            "binds": self.around.binds,
            "covers": self.around.covers.first,
            "late_covers": self.around.covers.late,
            "namespace": self.namespace,
            "user": self.user or 0,
            "stage": str(self.folder / "stage"),
        }


def start_shims(orders: Sequence[ShimOrder]) -> None:
    """Start all at once; returns when each drives its replica (or another one does)."""
    started: list[subprocess.Popen[bytes]] = []
    failures: list[str] = []
    try:
        for order in orders:
            order.log.parent.mkdir(parents=True, exist_ok=True)
            for link, target in order.around.links.items():
                _link(order.folder / "scratch" / link, target)
            started.append(_spawn())
    except OSError as error:
        failures.append(str(error))
    for order, process in zip(orders, started, strict=False):
        failures += _hand_over(process, order)
    if failures:
        raise TemporaryFailure(f"the local runtime could not start: {'; '.join(failures)}")


def _spawn() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *PYTHON_FLAGS, str(SHIM / "entry.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_python_env(),
        cwd="/",
        start_new_session=True,
    )


def _hand_over(process: subprocess.Popen[bytes], order: ShimOrder) -> list[str]:
    """Give the order and hear the answer; what went wrong, if anything."""
    with process:
        try:
            answer, _ = process.communicate(marshal.dumps(order.plan()), TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return [f"{order.name}: no answer in {TIMEOUT_S} s"]
    if answer == b"ok":
        return []
    text = answer.decode("utf-8", "replace").strip()
    return [f"{order.name}: {text or 'no answer'}"]


def _link(path: Path, target: str) -> None:
    try:
        path.symlink_to(target)
    except FileExistsError:
        return
