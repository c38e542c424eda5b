"""How long each process takes to start, and how much memory it holds."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.table import Row
from portal.adapters.embedded_valkey import EmbeddedValkey
from portal.testing.running import RunningPortal

WARM_UP_PAGES = 50
SAYS_READY = {"worker": b"working", "scheduler": b"leading"}


def measure(folder: Path) -> list[Row]:
    """Whole starts, starts of single processes, memory once it has worked a little."""
    portal = RunningPortal(folder / "whole")
    first, again = _start(portal), _restart(portal)
    for _ in range(WARM_UP_PAGES):
        _answers(f"{portal.url}/login/")
    list(portal.jobs())
    memory = _memory(portal.pid)
    portal.stop()
    return [
        Row("command to login page, first start", f"{first:.2f} s", "≤ 5 s"),
        Row("command to login page, later starts", f"{again:.2f} s", "≤ 5 s"),
        *_single_starts(portal),
        *memory,
    ]


def _start(portal: RunningPortal) -> float:
    begun = time.perf_counter()
    portal.start()
    while not _answers(f"{portal.url}/login/"):
        time.sleep(0.01)
    return time.perf_counter() - begun


def _restart(portal: RunningPortal) -> float:
    portal.stop()
    return _start(portal)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _single_starts(portal: RunningPortal) -> Iterator[Row]:
    """Each process alone, on the tables that the whole portal has made."""
    begun = time.perf_counter()
    with EmbeddedValkey(portal.folder / "valkey") as valkey:
        yield Row("start of valkey", f"{time.perf_counter() - begun:.2f} s")
        environment = {**portal.environment(), "AOLI_REDIS_URL": valkey.url, "AOLI_PORT": "0"}
        for name in ("worker", "scheduler", "web"):
            begun = time.perf_counter()
            with _process(name, environment) as process:
                _wait_until_ready(name, process)
                yield Row(f"start of {name}", f"{time.perf_counter() - begun:.2f} s")


@contextmanager
def _process(name: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    if name == "web":
        environment = {**environment, "AOLI_PORT": str(_free_port())}
    command = [sys.executable, "-m", "portal.processes", name]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        try:
            process.port = int(environment["AOLI_PORT"])  # type: ignore[attr-defined]
            yield process
        finally:
            process.terminate()


def _free_port() -> int:
    from portal.processes.address import listen

    with listen("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


def _wait_until_ready(name: str, process: subprocess.Popen[bytes]) -> None:
    if name == "web":
        while not _answers(f"http://127.0.0.1:{process.port}/healthz"):  # type: ignore[attr-defined]
            time.sleep(0.01)
        return
    assert process.stderr is not None
    for line in process.stderr:
        if SAYS_READY[name] in line:
            return
    raise RuntimeError(f"{name} ended before it was ready")


def _memory(supervisor: int) -> list[Row]:
    """Proportional memory: what processes share is divided between them."""
    root = psutil.Process(supervisor)
    sizes = {"supervisor": _pss(root)}
    for process in root.children(recursive=True):
        name = _name(process)
        sizes[name] = sizes.get(name, 0.0) + _pss(process)
    rows = [Row(f"memory of {name}", f"{size:.0f} MB") for name, size in sizes.items()]
    return [*rows, Row("memory of the whole portal", f"{sum(sizes.values()):.0f} MB", "< 400 MB")]


def _name(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    found = re.search(r"portal\.processes (\w+)|gunicorn: (\w+)|(valkey)-server", line)
    if found is None:
        return "other"
    return found[1] or found[3] or f"web ({found[2]})"


def _pss(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 1e6
