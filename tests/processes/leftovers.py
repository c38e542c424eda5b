"""Finds processes that belong to a portal of a test, whoever their parent is."""

from __future__ import annotations

from pathlib import Path

import psutil


def processes_of(data_dir: Path) -> dict[int, str]:
    """Process ids and command lines of everything that was started for ``data_dir``.

    Portal processes have the folder in their environment, replicas their own below it, and
    Valkey on its command line.
    """
    folder = str(data_dir)
    found: dict[int, str] = {}
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = [*line, *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(folder in word for word in words):
            found[process.pid] = " ".join(line)
    return found


def child(data_dir: Path, supervisor: int, name: str) -> psutil.Process | None:
    """The supervisor's child ``name`` (web, worker, scheduler, valkey)."""
    for process in psutil.Process(supervisor).children():
        try:
            line = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        title = "gunicorn: master" if name == "web" else f"portal.processes {name}"
        if title in line or (name == "valkey" and "valkey-server" in line):
            return process
    return None
