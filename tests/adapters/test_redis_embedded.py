"""The embedded server: private, alone, lasting, and never an orphan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.adapters.embedded_valkey import EmbeddedValkey, ValkeyError
from portal.adapters.redis_link import connect


def test_it_answers_on_a_private_socket(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server, connect(server.url) as client:
        assert client.ping()
        assert (tmp_path / "valkey").stat().st_mode & 0o777 == 0o700
        assert client.config_get("port") == {"port": "0"}
    assert not server.answers()
    assert not server.socket_path.exists()


def test_a_restart_keeps_what_was_written(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    with server, connect(server.url) as client:
        client.set("kept", "yes")
    with server, connect(server.url) as client:
        assert client.get("kept") == b"yes"


def test_a_second_server_is_refused(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path), pytest.raises(ValkeyError, match="already answers"):
        EmbeddedValkey(tmp_path, patience_s=0.1).start()


def test_a_socket_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    process = server.spawn()
    process.kill()
    process.wait()
    server.socket_path.touch()
    with EmbeddedValkey(tmp_path) as again:
        assert again.answers()


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    with server, connect(server.url) as client:
        client.set("a", "1")
    for path in (tmp_path / "appendonlydir").glob("*.manifest"):
        path.write_text("nonsense\n")
    with server, connect(server.url) as client:
        assert client.get("a") is None
    assert (tmp_path / "appendonlydir.damaged").is_dir()


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    with EmbeddedValkey(deep) as server, connect(server.url) as client:
        assert client.ping()
        assert server.socket_path.parent.stat().st_mode & 0o777 == 0o700
    server.socket_path.parent.rmdir()


def test_killing_the_parent_kills_the_server(tmp_path: Path) -> None:
    program = (
        "import sys, signal; from pathlib import Path;"
        "from portal.adapters.embedded_valkey import EmbeddedValkey;"
        "server = EmbeddedValkey(Path(sys.argv[1])); server.start();"
        "print(server._process.pid, flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while EmbeddedValkey(tmp_path).answers():
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.01)
