"""End replicas: ask their shims, and see to it that nothing is left."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portal.adapters.local.layout import read_json, write_json
from portal.adapters.local.shim.record import start_time
from portal.adapters.local.status import shim_lives
from portal.adapters.local.surroundings import MARK

SHIM_PATIENCE_S = 5.0
SWEEP_PATIENCE_S = 5.0
PAUSE_S = 0.01


def ask_to_stop(folder: Path, grace_s: int) -> None:
    """Write the wish, then wake the shim: it looks for the wish when it starts, too."""
    try:
        write_json(folder / "stop.json", {"grace_s": grace_s})
    except FileNotFoundError:
        # Taken away by another process: nothing to stop.
        return
    record = read_json(folder / "status.json")
    if record and record.get("phase") != "exited":
        with shim_handle(record) as handle:
            if handle is not None:
                _send(handle, signal.SIGTERM)


def end_now(folder: Path) -> bool:
    """Kill whatever runs for a replica; whether nothing of it is left."""
    ask_to_stop(folder, 0)
    record = read_json(folder / "status.json") or {}
    with shim_handle(record) as handle:
        if handle is not None and not _ends(handle, SHIM_PATIENCE_S):
            _send(handle, signal.SIGKILL)
            _ends(handle, SHIM_PATIENCE_S)
    # A shim that ended by itself has left nothing; only a killed one can have.
    record = read_json(folder / "status.json") or {}
    return record.get("phase") == "exited" or sweep(folder)


@contextmanager
def shim_handle(record: dict[str, Any]) -> Iterator[int | None]:
    """A pidfd of the record's shim, ``None`` when it is gone."""
    fd = open_shim(record)
    try:
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


def open_shim(record: dict[str, Any]) -> int | None:
    """The same for who close it themselves."""
    if not shim_lives(record):
        return None
    try:
        fd = os.pidfd_open(record["shim"])
    except ProcessLookupError:
        return None
    # The id may have gone to another process before the pidfd was there.
    if shim_lives(record):
        return fd
    os.close(fd)
    return None


def sweep_after_shim(folder: Path) -> None:
    """Kill what a killed shim has left, if it is dead and had started its command.

    One that died before that has left nothing, and another may start the command at this
    moment: what runs then is no left-over. After a start there never is another one.
    """
    record = read_json(folder / "status.json") or {}
    if record.get("phase") == "running" and not shim_lives(record):
        sweep(folder)


def sweep(folder: Path) -> bool:
    """Kill the processes that a killed shim left behind; whether all are gone.

    They carry their replica's folder in their environment. (The command itself dies with
    its shim; this is for what it started.)
    """
    mark = f"{MARK}={folder}".encode()
    deadline = time.monotonic() + SWEEP_PATIENCE_S
    while marked := _marked(mark):
        for pid in marked:
            _kill(pid)
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_S)
    return True


def _marked(mark: bytes) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            environ = Path("/proc", name, "environ").read_bytes()
        except OSError:
            continue
        if mark in environ.split(b"\0") and start_time(int(name)):
            found.append(int(name))
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return


def _send(handle: int, number: signal.Signals) -> None:
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return


def _ends(handle: int, patience_s: float) -> bool:
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    return bool(poller.poll(patience_s * 1000))
