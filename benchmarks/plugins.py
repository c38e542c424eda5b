"""What a plugin with ``while True`` in its ``check`` costs everybody else.

Others read lists and preview jobs of a built-in kind, first alone, then while somebody submits
to the endless plugin again and again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.table import Row, spread
from portal.testing.calling import CallFailed
from portal.testing.running import RunningPortal

READERS, CALLS = 4, 60
LEARNS_S = 3.0
MODULE = """
from portal.spi import JobKind, Workload

class Endless(JobKind):
    spi_version = 1
    name = title = "endless"

    def check(self, spec, device_type, limit):
        while True:
            pass

    def workload(self, job, placement, host_of):
        return Workload(())
"""


def measure(folder: Path) -> list[Row]:
    """The rows."""
    _install(folder / "site")
    with RunningPortal(folder / "portal", PYTHONPATH=str(folder / "site")) as portal:
        portal.call("GET", "/jobs")
        _read(portal)
        before = _read(portal)
        with _submitting(portal) as learnt:
            meanwhile = _read(portal)
        mark = next(p for p in portal.call("GET", "/plugins")["items"] if p["name"] == "endless")
    worst = max(learnt)
    return [
        Row(f"{READERS} readers, alone", spread(before)),
        Row("the same, beside a check without end", spread(meanwhile), "unchanged"),
        Row("its submitter learns its name", f"{worst:.2f} s at most", f"≤ {LEARNS_S:.0f} s"),
        Row("it is marked", mark["trouble"]["state"], "slow"),
    ]


def _install(site: Path) -> None:
    info = site / "endless-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: endless\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[portal.job_kinds]\nendless = endless_plugin:Endless\n")
    (site / "endless_plugin.py").write_text(MODULE)


def _read(portal: RunningPortal) -> list[float]:
    """Seconds of every call of the readers."""
    taken: list[float] = []
    body = {"name": "x", "vc": "platform", "image": "python:3.11", "command": "true"}

    def read() -> None:
        for number in range(CALLS):
            begun = time.perf_counter()
            if number % 2:
                portal.call("GET", "/jobs")
            else:
                portal.call("POST", "/jobs/preview", body)
            taken.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


@contextmanager
def _submitting(portal: RunningPortal) -> Iterator[list[float]]:
    """Submit to the endless plugin without a pause; how long each submitter waited."""
    stop, learnt = threading.Event(), [_learn(portal)]

    def submit() -> None:
        while not stop.is_set():
            learnt.append(_learn(portal))
            stop.wait(0.1)

    thread = threading.Thread(target=submit)
    thread.start()
    try:
        yield learnt
    finally:
        stop.set()
        thread.join()


def _learn(portal: RunningPortal) -> float:
    begun = time.perf_counter()
    try:
        portal.submit("true", kind="endless")
    except CallFailed as refused:
        if refused.status != 503 or "the job kind endless" not in refused.body:
            raise
    return time.perf_counter() - begun
