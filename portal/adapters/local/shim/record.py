"""The file in which a shim says where its replica stands, for any process to read."""

from __future__ import annotations

import errno
import os
import time

from portal.adapters.local.shim.bell import ring


def now() -> str:
    """The time, UTC, as the status file and the output have it."""
    moment = time.time_ns()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment // 1_000_000_000))
    return f"{seconds}.{moment // 1000 % 1_000_000:06d}Z"


def start_time(pid: int) -> int:
    """When a process started, in ticks since the machine did; 0 when it is gone or dead.

    Together with the id it names a process for good, while ids alone are used again.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
        return 0 if words[0] in (b"Z", b"X") else int(words[19])
    except (OSError, IndexError):
        return 0


def boot_id() -> str:
    """Another one after each start of the machine."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


class Record:
    """Writes ``status.json``; everybody who watches hears of it."""

    def __init__(self, folder: str, watchers: str, name: str) -> None:
        self._folder = folder
        self._watchers = watchers
        self._name = name
        pid = os.getpid()
        self._fields: dict[str, str | int] = {
            "shim": pid,
            "shim_start": start_time(pid),
            "boot": boot_id(),
        }

    def write(self, phase: str, *, durable: bool = False, **fields: str | int) -> None:
        """Replace the file in one step; ``fields`` are added to the earlier ones."""
        self._fields.update(fields, phase=phase)
        body = ", ".join(f'"{key}": {_json(value)}' for key, value in self._fields.items())
        path = f"{self._folder}/status.json"
        fd = os.open(path + ".new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            data = f"{{{body}}}\n".encode()
            if os.write(fd, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(path + ".new", path)
        ring(self._watchers, self._name)


def _json(value: str | int) -> str:
    """As the ``json`` module would; it is left out because it takes longer than all else."""
    if isinstance(value, int):
        return str(value)
    plain = value.encode("utf-8", "replace").decode()
    return (
        '"' + "".join(c if c.isprintable() and c not in '"\\' else _escape(c) for c in plain) + '"'
    )


def _escape(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
