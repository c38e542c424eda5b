"""However a replica of the local runtime ends, it says so and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from local_replicas import NAME, Place, said, status, until, until_said

from portal.adapters.local.layout import write_json
from portal.adapters.local.shim.record import boot_id, start_time
from portal.adapters.local.status import ENDED
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase
from portal.domain.storage_path import live_path, log_path
from portal.testing import RecordingListener, a_launch, eventually

DAEMON = "setsid sh -c \"trap '' TERM HUP; echo daemon; sleep 600\" &"
"""Leaves its session, its group and its parent, and does not listen to reason."""
SUPERVISOR = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(600)
"""


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[Path]:
    """Held by a process of its own until that is killed."""
    path = tmp_path / "lifeline"
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(path)], stdout=subprocess.PIPE
    ) as supervisor:
        assert supervisor.stdout
        assert supervisor.stdout.readline() == b"locked\n"
        path.with_suffix(".pid").write_text(str(supervisor.pid))
        yield path
        supervisor.kill()


def kill_supervisor(lifeline: Path) -> None:
    os.kill(int(lifeline.with_suffix(".pid").read_text()), signal.SIGKILL)


def test_what_a_line_shows_is_seen_before_its_end(place: Place) -> None:
    """Also when it changes once more within the second and then stays as it is."""
    cluster = place.cluster()
    launch = a_launch("echo begun; printf '\\r 1%%'; sleep 0.1; printf '\\r 2%%'; sleep 600")
    cluster.launch(launch)
    log = Path(log_path(str(place.root / "logs"), launch.ref, NAME))
    live = Path(live_path(str(log)))
    eventually(lambda: live.exists() and live.read_text().endswith(" 2%"), what="the bar to show")
    assert int(live.read_text().partition(" ")[0]) == log.stat().st_size
    assert said(cluster, launch.ref) == "begun\n"
    cluster.stop(launch.ref, 0)
    until(cluster, launch.ref, *ENDED)
    assert said(cluster, launch.ref) == "begun\n 2%\n"
    assert not live.exists()


def test_everything_ends_with_the_supervisor(place: Place, lifeline: Path) -> None:
    cluster = place.cluster(lifeline=lifeline)
    launches = [a_launch(f"{DAEMON} echo ready; sleep 600") for _ in range(3)]
    for launch in launches:
        cluster.launch(launch)
    for launch in launches:
        until_said(cluster, launch.ref, "ready")
        until_said(cluster, launch.ref, "daemon")
    eventually(lambda: len(place.processes()) >= 9)  # the last may not have begun their program
    kill_supervisor(lifeline)
    for launch in launches:
        assert until(cluster, launch.ref, ReplicaPhase.LOST).code == "runtime_stopped"
    assert place.processes() == []


def test_nothing_starts_without_a_supervisor(place: Place, lifeline: Path) -> None:
    cluster = place.cluster(lifeline=lifeline)
    kill_supervisor(lifeline)
    launch = a_launch("echo ran")
    eventually(lambda: _is_free(lifeline))
    cluster.launch(launch)
    lost = until(cluster, launch.ref, ReplicaPhase.LOST)
    assert lost.code == "runtime_stopped"
    assert said(cluster, launch.ref) == ""


def _is_free(lifeline: Path) -> bool:
    return subprocess.run(["flock", "-n", lifeline, "true"], check=False).returncode == 0


def test_a_missing_lifeline_is_no_supervisor(place: Place) -> None:
    cluster = place.cluster(lifeline=place.root / "none")
    launch = a_launch("echo ran")
    cluster.launch(launch)
    assert until(cluster, launch.ref, ReplicaPhase.LOST).code == "runtime_stopped"


def test_what_a_command_leaves_behind_is_killed(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch(f"{DAEMON} until [ -e $TMPDIR/go ]; do sleep 0.02; done; exit 4")
    cluster.launch(launch)
    until_said(cluster, launch.ref, "daemon")
    (place.layout.replica(launch.ref, NAME) / "scratch" / "tmp" / "go").touch()
    assert until(cluster, launch.ref, ReplicaPhase.FAILED).exit_code == 4
    assert place.processes() == []


def test_what_a_killed_shim_leaves_behind_is_killed_by_the_watch(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch(f"{DAEMON} echo ready; sleep 600")
    cluster.launch(launch)
    until_said(cluster, launch.ref, "daemon")
    listener, stop = RecordingListener(), threading.Event()
    watch = threading.Thread(target=cluster.watch, args=(listener, stop))
    watch.start()
    try:
        eventually(lambda: listener.lists)
        os.kill(place.record(launch.ref)["shim"], signal.SIGKILL)
        eventually(lambda: listener.phases(launch.ref)[-1:] == [ReplicaPhase.LOST])
        eventually(lambda: place.processes() == [])
    finally:
        stop.set()
        watch.join()


def test_what_a_killed_shim_leaves_behind_is_killed_by_remove(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch(f"{DAEMON} echo ready; sleep 600")
    cluster.launch(launch)
    until_said(cluster, launch.ref, "daemon")
    os.kill(place.record(launch.ref)["shim"], signal.SIGKILL)
    assert until(cluster, launch.ref, ReplicaPhase.LOST).code == "replica_lost"
    cluster.remove(launch.ref)
    assert place.processes() == []
    assert cluster.observe(launch.ref).gone


def test_what_a_second_shim_runs_is_no_left_over_of_the_first(place: Place) -> None:
    """A shim was killed before its command, the watch sees that, and a worker starts another."""
    cluster = place.cluster()
    launch = a_launch("echo ready; until [ -e $TMPDIR/go ]; do sleep 0.02; done")
    folder = place.layout.claim(launch.ref, NAME, {"rank": 0, "node": "node-1"})
    dead = {"phase": "pending", "shim": 1, "shim_start": 5, "boot": boot_id()}
    write_json(folder / "status.json", dead)

    class Slow(RecordingListener):
        def listed(self, observed: Mapping[AttemptRef, Observed]) -> None:
            super().listed(observed)
            cluster.launch(launch)
            until_said(cluster, launch.ref, "ready")

    listener, stop = Slow(), threading.Event()
    watch = threading.Thread(target=place.cluster().watch, args=(listener, stop))
    watch.start()
    try:
        eventually(lambda: listener.phases(launch.ref)[-1:] == [ReplicaPhase.RUNNING])
        assert listener.phases(launch.ref)[0] is ReplicaPhase.LOST
    finally:
        stop.set()
        watch.join()
    (folder / "scratch" / "tmp" / "go").touch()
    assert until(cluster, launch.ref, *ENDED).exit_code == 0


def test_a_shim_that_hangs_is_killed_by_remove(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.adapters.local.stopping.SHIM_PATIENCE_S", 0.2)
    cluster = place.cluster()
    launch = a_launch("sleep 600")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.RUNNING)
    os.kill(place.record(launch.ref)["shim"], signal.SIGSTOP)
    cluster.remove(launch.ref)
    assert place.processes() == []


def test_a_command_killed_from_outside_is_137(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("sleep 600")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.RUNNING)
    os.kill(place.record(launch.ref)["pid"], signal.SIGKILL)
    assert until(cluster, launch.ref, ReplicaPhase.FAILED).exit_code == 137


def test_a_command_killed_with_the_portal_has_not_failed(place: Place, lifeline: Path) -> None:
    """As when the machine goes down: everything is killed, the command by chance first."""
    cluster = place.cluster(lifeline=lifeline)
    launch = a_launch("sleep 600")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.RUNNING)
    record = place.record(launch.ref)
    os.kill(record["shim"], signal.SIGSTOP)
    os.kill(record["pid"], signal.SIGKILL)
    eventually(lambda: not start_time(record["pid"]))
    kill_supervisor(lifeline)
    os.kill(record["shim"], signal.SIGCONT)
    assert until(cluster, launch.ref, *ENDED).code == "runtime_stopped"
    assert status(cluster, launch.ref).phase is ReplicaPhase.LOST


def test_a_command_told_to_go_before_its_shim_has_not_failed(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("sleep 600")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.RUNNING)
    record = place.record(launch.ref)
    os.kill(record["pid"], signal.SIGTERM)
    eventually(lambda: not start_time(record["pid"]))
    os.kill(record["shim"], signal.SIGTERM)
    assert until(cluster, launch.ref, *ENDED).code == "runtime_stopped"


def test_a_shim_told_to_go_by_others_takes_its_replica_along(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("sleep 600")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.RUNNING)
    os.kill(place.record(launch.ref)["shim"], signal.SIGTERM)
    assert until(cluster, launch.ref, ReplicaPhase.LOST).code == "runtime_stopped"


def test_the_grace_is_for_all_processes(place: Place) -> None:
    """A shell dies of SIGTERM at once; the training it started may still write its state."""
    cluster = place.cluster()
    trainer = "sh -c 'trap \"sleep 0.5; echo saved; exit 0\" TERM; sleep 600 & echo ready; wait'"
    launch = a_launch(f"{trainer}\necho not reached")
    cluster.launch(launch)
    until_said(cluster, launch.ref, "ready")
    cluster.stop(launch.ref, 60)
    assert until(cluster, launch.ref, ReplicaPhase.FAILED).exit_code == 143
    assert said(cluster, launch.ref) == "ready\nsaved\n"


@pytest.mark.parametrize("_time", range(5))
def test_one_that_was_just_started_is_asked_too(place: Place, _time: int) -> None:
    """It would outlive its shell and use up the grace, which nobody then needs."""
    cluster = place.cluster()
    many = "for n in 1 2 3 4 5 6 7 8; do sleep 600 & done"
    launch = a_launch(f"trap 'exit 3' TERM; {many}; echo ready; wait")
    cluster.launch(launch)
    until_said(cluster, launch.ref, "ready")
    cluster.stop(launch.ref, 600)
    assert until(cluster, launch.ref, *ENDED).exit_code == 3


def test_one_that_is_started_in_answer_is_not_asked(place: Place) -> None:
    cluster = place.cluster()
    save = "sh -c 'trap \"echo asked\" TERM; sleep 0.3 & wait; echo saved'"
    launch = a_launch(f"save() {{ {save}; exit 3; }}; trap save TERM; sleep 600 & echo ready; wait")
    cluster.launch(launch)
    until_said(cluster, launch.ref, "ready")
    cluster.stop(launch.ref, 600)
    assert until(cluster, launch.ref, *ENDED).exit_code == 3
    assert said(cluster, launch.ref) == "ready\nsaved\n"


def test_a_shorter_grace_wins(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("trap '' TERM; echo ready; sleep 600 & wait")
    cluster.launch(launch)
    until_said(cluster, launch.ref, "ready")
    cluster.stop(launch.ref, 600)
    assert status(cluster, launch.ref).stopping
    cluster.stop(launch.ref, 0)
    assert until(cluster, launch.ref, ReplicaPhase.FAILED).exit_code == 137


def test_one_stopped_before_its_shim_came_never_runs(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("echo ran")
    place.layout.claim(launch.ref, NAME, {"rank": 0, "node": "node-1"})
    cluster.stop(launch.ref, 5)
    assert status(cluster, launch.ref).exit_code == 143
    cluster.launch(launch)
    assert until(cluster, launch.ref, ReplicaPhase.FAILED).exit_code == 143
    assert said(cluster, launch.ref) == ""


def test_files_damaged_by_a_power_cut_are_a_stopped_runtime(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("exit 0")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.SUCCEEDED)
    path = place.layout.replica(launch.ref, NAME) / "status.json"
    path.write_text("")
    assert status(cluster, launch.ref).code == "runtime_stopped"
    assert status(cluster, launch.ref).phase is ReplicaPhase.LOST


def test_a_machine_started_anew_is_a_stopped_runtime(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("exit 0")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.SUCCEEDED)
    path = place.layout.replica(launch.ref, NAME) / "status.json"
    write_json(path, {"phase": "running", "shim": os.getpid(), "shim_start": 1, "boot": "older"})
    lost = status(cluster, launch.ref)
    assert (lost.phase, lost.code) == (ReplicaPhase.LOST, "runtime_stopped")


def test_an_id_used_again_is_not_taken_for_the_shim(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("exit 0")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.SUCCEEDED)
    path = place.layout.replica(launch.ref, NAME) / "status.json"
    record = {**place.record(launch.ref), "phase": "running", "shim": os.getpid()}
    write_json(path, record)
    assert status(cluster, launch.ref).code == "replica_lost"
    cluster.remove(launch.ref)
    assert cluster.observe(launch.ref).gone


@pytest.mark.parametrize("by_us", [True, False])
def test_a_command_that_was_done_before_is_done(place: Place, by_us: bool) -> None:
    """Its shim hears of the end and of the wish at once: it stands still meanwhile."""
    cluster = place.cluster()
    launch = a_launch("until [ -e $TMPDIR/go ]; do sleep 0.02; done")
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.RUNNING)
    record = place.record(launch.ref)
    os.kill(record["shim"], signal.SIGSTOP)
    (place.layout.replica(launch.ref, NAME) / "scratch" / "tmp" / "go").touch()
    eventually(lambda: not start_time(record["pid"]), what="the command to end")
    if by_us:
        cluster.stop(launch.ref, 600)
    else:
        os.kill(record["shim"], signal.SIGTERM)
    os.kill(record["shim"], signal.SIGCONT)
    done = until(cluster, launch.ref, *ENDED)
    assert (done.phase, done.exit_code, done.code) == (ReplicaPhase.SUCCEEDED, 0, None)
    assert not done.signalled


def test_a_command_that_saves_because_it_is_asked_says_so(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("trap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done")
    cluster.launch(launch)
    until_said(cluster, launch.ref, "ready")
    cluster.stop(launch.ref, 600)
    saved = until(cluster, launch.ref, *ENDED)
    assert (saved.phase, saved.exit_code, saved.signalled) == (ReplicaPhase.SUCCEEDED, 0, True)
