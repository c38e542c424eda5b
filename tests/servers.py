"""A PostgreSQL and a Redis of the tests' own: on free ports, in temporary folders.

They are the servers that are installed on this machine. Where they are missing, tests that
need them are skipped with the reason; under ``CI=true`` they fail instead.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from playhouse.db_url import connect

from portal.adapters.parent_death import dying_with_me
from portal.testing.waiting import eventually

TRIES = 5
"""The port that was free may be taken before the server has it."""
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    # A server that is killed leaves no shared memory behind.
    "shared_memory_type": "mmap",
    "dynamic_shared_memory_type": "mmap",
}


def missing(what: str) -> None:
    """The machine lacks a server: a reason to skip, under CI a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not installed, and CI=true lets nothing be left out")
    pytest.skip(f"{what} is not installed on this machine")


def postgres_programs() -> Path:
    """The folder of ``initdb`` and ``postgres``, of the newest version that there is."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    if not found:
        missing("PostgreSQL (initdb)")
    return found[-1].parent


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """A running server; :meth:`create` makes databases in it."""

    def __init__(self, port: int, pid: int = 0) -> None:
        self.port = port
        self._pid = pid
        self._count = 0

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """No process of it runs in the block; its kernel still takes connections."""
        server = psutil.Process(self._pid)
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def url(self, name: str) -> str:
        """The address of a database, as ``AOLI_DATABASE_URL`` takes it."""
        return f"postgresql://aoli@127.0.0.1:{self.port}/{name}"

    def create(self, template: str = "template0") -> str:
        """A new database like ``template``, to which nobody may be connected; its name."""
        self._count += 1
        name = f"test_{os.getpid()}_{self._count}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Delete a database, whoever is still connected to it."""
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def disconnect(self, name: str) -> None:
        """End every connection to a database, as a restart of the server does."""
        self._execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self._execute("SELECT 1")
        except Exception:
            return False
        return True

    def _execute(self, statement: str) -> None:
        database = connect(self.url("postgres"))
        database.connect()
        try:
            database.connection().autocommit = True
            database.connection().cursor().execute(statement)
        finally:
            database.close()


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A new, empty PostgreSQL until the block ends."""
    programs = postgres_programs()
    # Not below pytest's own folder: that is closed to the unprivileged user.
    with tempfile.TemporaryDirectory(prefix="aoli-postgres-", ignore_cleanup_errors=True) as folder:
        identity = _unprivileged(Path(folder))
        data = Path(folder, "data")
        init = ["-D", str(data), "-U", "aoli", "-A", "trust", "-E", "UTF8", "--no-locale"]
        subprocess.run(
            [programs / "initdb", *init, "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            **identity,  # type: ignore[call-overload]
        )
        settings = [f"-c{name}={value}" for name, value in POSTGRES_SETTINGS.items()]
        command = [str(programs / "postgres"), "-D", str(data), *settings]
        with _serving(
            lambda port: [*command, "-p", str(port)],
            lambda port: PostgresServer(port).answers(),
            Path(folder, "log"),
            identity,
        ) as (port, pid):
            yield PostgresServer(port, pid)


def _unprivileged(folder: Path) -> Mapping[str, object]:
    """Who runs the server: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """A new, empty Redis until the block ends; its address."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        missing("Redis (redis-server)")
    with tempfile.TemporaryDirectory(prefix="aoli-redis-") as folder:
        options = ["--bind", "127.0.0.1", "--dir", folder, "--save", "", "--daemonize", "no"]
        with _serving(
            lambda port: [str(program), *options, "--port", str(port)],
            _replies,
            Path(folder, "log"),
            {},
        ) as (port, _):
            yield f"redis://127.0.0.1:{port}/0"


def _replies(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


@contextlib.contextmanager
def _serving(
    command: Callable[[int], list[str]],
    answers: Callable[[int], bool],
    log: Path,
    identity: Mapping[str, object],
) -> Iterator[tuple[int, int]]:
    """A server that answers, until the block ends; it dies with this process.

    Its port and its process id.
    """
    for _ in range(TRIES):
        port = free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(port),
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                preexec_fn=dying_with_me(),
                **identity,  # type: ignore[call-overload]
            )
        try:
            eventually(
                lambda process=process, port=port: process.poll() is not None or answers(port), 60
            )
            if process.poll() is None:
                yield port, process.pid
                return
        finally:
            # SIGINT is PostgreSQL's fast end; Redis takes it as well.
            if process.poll() is None:
                process.send_signal(2)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    raise AssertionError(f"the server does not start: {log.read_text('utf-8', 'replace')}")
