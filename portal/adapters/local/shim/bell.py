"""How watchers learn of changes: one named pipe each in a folder that everybody knows.

Whoever changes something writes its name into all of them. A pipe without a reader is left
over from a process that was killed, and is deleted by the next who rings. Used by the shim:
keep it small.
"""

from __future__ import annotations

import errno
import os

_SUFFIX = ".fifo"
_FULL = ".full"
_READ_SIZE = 65536


def ring(folder: str, message: str) -> None:
    """Tell every watcher; never raises."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.endswith(_SUFFIX):
            _ring_one(f"{folder}/{name}", f"{message}\n".encode())


def _ring_one(path: str, line: bytes) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            _unlink(path)
        return
    try:
        _write(fd, path, line)
    except OSError:
        pass
    finally:
        os.close(fd)


def _write(fd: int, path: str, line: bytes) -> None:
    """Write, or leave a mark that something was left out.

    The second try is needed: the watcher may have emptied the pipe and looked for the mark
    just before it was made. When that fails too, it will read the pipe after the mark.
    """
    try:
        os.write(fd, line)
    except BlockingIOError:
        os.close(os.open(path + _FULL, os.O_CREAT | os.O_WRONLY, 0o600))
        try:
            os.write(fd, line)
        except BlockingIOError:
            return


def _unlink(path: str) -> None:
    for name in (path, path + _FULL):
        try:
            os.unlink(name)
        except OSError:
            continue


class Bell:
    """A watcher's pipe; readable when somebody rang."""

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        name = f"{os.getpid()}-{os.urandom(4).hex()}"
        made = f"{folder}/{name}.new"
        self._path = f"{folder}/{name}{_SUFFIX}"
        os.mkfifo(made, 0o600)
        # Opened before it gets its name, so that nobody takes it for a left-over; opened for
        # writing too, so that it never reads as ended.
        self._fd = os.open(made, os.O_RDWR | os.O_NONBLOCK)
        os.rename(made, self._path)

    def fileno(self) -> int:
        """For selectors."""
        return self._fd

    def read(self) -> set[str] | None:
        """What was rung since the last time; ``None`` when some of it was lost."""
        data = b""
        while True:
            try:
                data += os.read(self._fd, _READ_SIZE)
            except BlockingIOError:
                break
        if os.path.exists(self._path + _FULL):
            os.unlink(self._path + _FULL)
            return None
        return set(data.decode("utf-8", "replace").split("\n")) - {""}

    def wake(self) -> None:
        """Make it readable (from another thread of the watcher)."""
        _ring_one(self._path, b"\n")

    def close(self) -> None:
        """Nobody listens any more."""
        _unlink(self._path)
        os.close(self._fd)
