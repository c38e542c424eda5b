"""``aoli up`` as a user has it: ready, private, alone, mending itself, gone without a trace."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from leftovers import child, processes_of

from portal.processes.address import listen
from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[RunningPortal]:
    with RunningPortal(tmp_path) as running:
        yield running


def up(data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", "up", *options],
        env={**os.environ, "AOLI_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_first_start_second_start_and_a_clean_end(tmp_path: Path) -> None:
    running = RunningPortal(tmp_path, AOLI_ADMIN_PASSWORD="")
    running.start()
    first = running.said()
    assert re.search(r"^  user      admin$", first, re.MULTILINE)
    password = re.search(r"^  password  (\S{16,}) ", first, re.MULTILINE)
    assert password is not None
    assert running.data_dir.stat().st_mode & 0o777 == 0o700
    with urllib.request.urlopen(f"{running.url}/login/") as page:
        assert page.status == 200
    assert running.stop() == 0
    assert processes_of(running.data_dir) == {}

    running.start()
    assert running.said().count("password") == 1, "it is shown once, at the first start"
    assert running.stop() == 0
    assert "Traceback" not in running.said()
    assert password[1] not in "".join(
        path.read_text("utf-8", "replace") for path in running.data_dir.glob("*") if path.is_file()
    )


def test_a_second_portal_on_the_same_data_is_refused(portal: RunningPortal) -> None:
    refused = up(portal.data_dir, "--port", "0")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"aoli: Aoli is already running on {portal.data_dir} (process {portal.pid})\n"
    )


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        refused = up(tmp_path, "--port", str(port))
    assert refused.returncode == 1
    assert f"127.0.0.1 port {port}: " in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert processes_of(tmp_path) == {}


def test_a_wrong_setting_is_one_clear_line(tmp_path: Path) -> None:
    os_environ = {**os.environ, "AOLI_DATA_DIR": str(tmp_path), "AOLI_WEB_WORKERS": "none"}
    refused = subprocess.run(
        [sys.executable, "-m", "portal.cli", "up"],
        env=os_environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("aoli: AOLI_WEB_WORKERS: web_workers: ")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["web", "worker", "scheduler", "valkey"])
def test_a_killed_child_is_started_again(portal: RunningPortal, name: str) -> None:
    before = eventually(lambda: child(portal.data_dir, portal.pid, name))
    before.kill()

    def another() -> psutil.Process | None:
        now = child(portal.data_dir, portal.pid, name)
        return now if now is not None and now.pid != before.pid else None

    eventually(another, what=f"a new {name}")
    job = portal.submit("echo hello")
    eventually(lambda: portal.call("GET", f"/jobs/{job}")["status"] == "finished", 60)
    assert f"{name} ended (SIGKILL); starting it again" in portal.said()


def test_ctrl_c_ends_running_jobs_too(portal: RunningPortal) -> None:
    job = portal.submit("echo begun; sleep 1000")
    eventually(lambda: portal.call("GET", f"/jobs/{job}")["status"] == "running", 60)
    assert portal.stop() == 0
    assert processes_of(portal.data_dir) == {}


def test_nothing_survives_the_killed_supervisor(portal: RunningPortal) -> None:
    job = portal.submit("trap '' TERM; echo begun; sleep 1000 & wait")
    eventually(lambda: portal.call("GET", f"/jobs/{job}")["status"] == "running", 60)
    assert len(processes_of(portal.data_dir)) >= 8
    portal.kill()
    eventually(lambda: not processes_of(portal.data_dir), 20, what="everything is gone")


def test_a_terminal_that_closes_ends_it_in_order(portal: RunningPortal) -> None:
    os.kill(portal.pid, signal.SIGHUP)
    eventually(lambda: not processes_of(portal.data_dir), 30, what="everything is gone")
    assert "stopping" in portal.said()
