"""A command of the local runtime starts once, in the right surroundings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from local_replicas import NAME, Place, said, status, until, until_said

from portal.adapters.local.layout import write_json
from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.launch import Launch, ReplicaPhase
from portal.domain.resources import Slot
from portal.testing import a_launch, a_mount, a_ref, a_replica, eventually

ENDED = (ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED)


def run(place: Place, command: str, **fields: object) -> str:
    """The output of a command that succeeds."""
    cluster = place.cluster()
    launch = a_launch(command, **fields)  # type: ignore[arg-type]
    cluster.launch(launch)
    until(cluster, launch.ref, *ENDED)
    return said(cluster, launch.ref)


def test_the_environment_is_clean(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOLI_SECRET_KEY", "s3cr3t")
    monkeypatch.setenv("DATABASE_URL", "s3cr3t")
    monkeypatch.setenv("PYTHONPATH", "/s3cr3t")
    output = run(place, "env; cat /proc/$PPID/environ", env={"EPOCHS": "3"})
    assert "s3cr3t" not in output
    names = {line.partition("=")[0] for line in output.splitlines()}
    assert {"PATH", "HOME", "TMPDIR", "LANG", "EPOCHS"} <= names


def test_python_is_the_portals_own(place: Place) -> None:
    assert run(place, "python -c 'import sys; print(sys.prefix)'") == f"{sys.prefix}\n"


def test_python_stays_in_sight_behind_a_mount(place: Place) -> None:
    """Where a mount hides the portal's own installation (here: /work, maybe)."""
    if not place.cluster().mounts_are_real:
        pytest.skip("needs a private root")
    target = "/" + Path(sys.prefix).parts[1]
    mount = a_mount(str(place.root / "storage" / "work"), target)
    if Path(sys.base_prefix).is_relative_to(target) or place.root.is_relative_to(target):
        pytest.skip("the whole of Python would be hidden")
    command = "python -c 'import pytest, sys; print(sys.prefix)'; ls " + target
    assert run(place, command, mounts=[mount]) == "/.aoli/python\n"


def test_home_and_temporary_files_are_its_own(place: Place) -> None:
    output = run(
        place, "echo x > $HOME/x; echo y > $TMPDIR/y; pwd; mktemp -d >/dev/null && echo ok"
    )
    assert output.endswith("/scratch\nok\n")


def test_it_starts_in_its_job_folder(place: Place) -> None:
    cluster = place.cluster()
    folder = place.root / "storage" / "jobs" / "1"
    output = run(place, "touch here; echo $AOLI_JOB_PATH", mounts=[a_mount(str(folder))])
    assert (folder / "here").exists()
    assert output == ("/job\n" if cluster.mounts_are_real else f"{folder}\n")


def test_without_a_private_root_links_lead_to_the_folders(place: Place) -> None:
    cluster = place.cluster(real_mounts=False)
    mounts = [a_mount(str(place.root / "storage" / n), f"/{n}") for n in ("work", "data", "job")]
    launch = a_launch("echo 1 > $HOME/data/x; echo 2 > $AOLI_WORK_PATH/x; pwd", mounts=mounts)
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.SUCCEEDED)
    assert said(cluster, launch.ref) == f"{place.root}/storage/job\n"
    assert (place.root / "storage" / "data" / "x").read_text() == "1\n"
    assert (place.root / "storage" / "work" / "x").read_text() == "2\n"


def test_the_machines_own_root_is_not_touched(place: Place) -> None:
    if not place.cluster().mounts_are_real:
        pytest.skip("needs a private root")
    before = sorted(os.listdir("/")), Path("/proc/self/mountinfo").read_text()
    mount = a_mount(str(place.root / "storage" / "x"), "/aoli-never-there/deep")
    output = run(
        place,
        "echo 1 > /aoli-never-there/deep/x; mkdir /more 2>/dev/null || echo no",
        mounts=[mount],
    )
    assert output == "no\n"
    assert (place.root / "storage" / "x" / "x").exists()
    assert (sorted(os.listdir("/")), Path("/proc/self/mountinfo").read_text()) == before


def test_a_read_only_mount_cannot_be_written(place: Place) -> None:
    if not place.cluster().mounts_are_real:
        pytest.skip("needs a private root")
    mount = a_mount(str(place.root / "storage" / "data"), "/data", read_only=True)
    assert run(place, "echo x 2>/dev/null > /data/x || echo no", mounts=[mount]).endswith("no\n")


def test_a_driver_that_the_machine_lacks_is_left_out(place: Place) -> None:
    mount = a_mount("/usr/local/no-such-driver", "/usr/local/no-such-driver", create=False)
    assert run(place, "echo ok", mounts=[mount]) == "ok\n"


def test_a_refused_mount_leaves_nothing(place: Place) -> None:
    (place.root / "storage").mkdir()
    (place.root / "storage" / "out").symlink_to("/etc")
    launch = a_launch(mounts=[a_mount(str(place.root / "storage" / "out" / "x"))])
    with pytest.raises(PermanentFailure, match="leads out of the storage"):
        place.cluster().launch(launch)
    assert place.cluster().observe(launch.ref).gone


def test_peers_know_their_host_name(place: Place) -> None:
    replica = a_replica("echo $HOSTNAME", host="job-worker-0", slot=Slot("n"))
    assert run(place, "", replicas=[replica]) == "job-worker-0\n"


@pytest.mark.parametrize("ref", [AttemptRef("../x", 1), AttemptRef(".hidden", 1)])
def test_names_that_leave_the_folder_are_refused(place: Place, ref: AttemptRef) -> None:
    with pytest.raises(PermanentFailure):
        place.cluster().launch(a_launch(ref=ref))
    with pytest.raises(PermanentFailure):
        place.cluster().launch(a_launch(replicas=[a_replica(name="../../x")]))


def test_what_cannot_be_started_says_why(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("echo hello", env={"WRONG": "a\0b"})
    cluster.launch(launch)
    failed = until(cluster, launch.ref, ReplicaPhase.FAILED)
    assert (failed.code, failed.exit_code) == ("start_error", 127)
    assert "null" in failed.detail


def test_a_command_too_long_for_the_system_says_so(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch(f"echo {'x' * 200_000}")
    cluster.launch(launch)
    failed = until(cluster, launch.ref, ReplicaPhase.FAILED)
    assert failed.code == "start_error"
    assert "too long" in failed.detail


def test_a_log_folder_that_cannot_be_is_a_passing_failure(place: Place) -> None:
    (place.root / "logs").write_text("a file")
    launch = a_launch()
    with pytest.raises(TemporaryFailure):
        place.cluster().launch(launch)
    (place.root / "logs").unlink()
    place.cluster().launch(launch)
    until(place.cluster(), launch.ref, ReplicaPhase.SUCCEEDED)


def test_a_launch_broken_off_is_completed(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("echo ran")
    place.layout.claim(launch.ref, NAME, {"rank": 0, "node": "node-1"})
    assert status(cluster, launch.ref).phase is ReplicaPhase.PENDING
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.SUCCEEDED)
    assert said(cluster, launch.ref) == "ran\n"


def test_a_shim_killed_before_the_command_is_replaced(place: Place) -> None:
    cluster = place.cluster()
    launch = a_launch("echo ran")
    folder = place.layout.claim(launch.ref, NAME, {"rank": 0, "node": "node-1"})
    write_json(folder / "status.json", {"phase": "pending", "shim": 1, "shim_start": 5})
    cluster.launch(launch)
    until(cluster, launch.ref, ReplicaPhase.SUCCEEDED)
    assert said(cluster, launch.ref) == "ran\n"


def test_many_launchers_start_it_once(place: Place) -> None:
    launch = a_launch("echo ran; sleep 600")
    failures: list[Exception] = []

    def launches() -> None:
        try:
            place.cluster().launch(launch)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=launches) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    until_said(place.cluster(), launch.ref, "ran")
    assert said(place.cluster(), launch.ref) == "ran\n"


LAUNCHER = """
import sys
from pathlib import Path
from portal.adapters.local.runtime import LocalCluster
from portal.domain.job import AttemptRef
from test_local_starts import broken_launch
root = Path(sys.argv[1])
cluster = LocalCluster(
    state_dir=root / "state", storage_root=root / "storage", log_dir=root / "logs"
)
cluster.mounts_are_real
print("go", flush=True)
cluster.launch(broken_launch(root, AttemptRef(sys.argv[2], 1)))
"""


def broken_launch(root: Path, ref: AttemptRef) -> Launch:
    mount = a_mount(str(root / "storage" / ref.job_id))
    replicas = [
        a_replica(f"echo {rank} >> ran", name=f"worker-{rank}", rank=rank, mounts=(mount,))
        for rank in range(4)
    ]
    return a_launch(ref=ref, replicas=replicas)


@pytest.mark.parametrize("after_ms", range(0, 40, 4))
def test_a_launcher_killed_at_any_moment_is_made_good(place: Place, after_ms: int) -> None:
    cluster = place.cluster()
    ref = a_ref()
    environ = {**os.environ, "PYTHONPATH": f"{Path.cwd()}:{Path(__file__).parent}"}
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(place.root), ref.job_id],
        env=environ,
        stdout=subprocess.PIPE,
    ) as launcher:
        assert launcher.stdout
        assert launcher.stdout.readline() == b"go\n"
        time.sleep(after_ms / 1000)
        launcher.send_signal(signal.SIGKILL)
    cluster.launch(broken_launch(place.root, ref))
    eventually(
        lambda: [r.phase for r in cluster.observe(ref).replicas] == [ReplicaPhase.SUCCEEDED] * 4
    )
    ran = (place.root / "storage" / ref.job_id / "ran").read_text()
    assert sorted(ran.split()) == ["0", "1", "2", "3"]
