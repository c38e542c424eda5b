"""Jobs of the local runtime do not reach what is the portal's own: really tried, by a job."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from local_replicas import Place, said, status, until, until_said

from portal.adapters.local.isolation import Isolation, decide, outermost, plan_covers
from portal.adapters.local.runtime import LocalCluster
from portal.domain.errors import PermanentFailure
from portal.domain.launch import HostMount, Launch, ReplicaPhase, SharedFile
from portal.testing import a_launch, a_mount, a_replica

ALICE, BOB = 7, 8
UID_BASE = 1_900_000_000
SECRET = "s3cr3t-of-the-portal"
ENDED = (ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED)
root_only = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


@pytest.mark.parametrize(
    ("root", "namespace", "users", "expected"),
    [
        (True, "mount", True, Isolation("mount", users=True, keeps_out=True)),
        (True, "user", True, Isolation("user", users=True, keeps_out=True)),
        (True, "", True, Isolation("", users=True, keeps_out=True)),
        (True, "mount", False, Isolation("mount", users=False, keeps_out=False)),
        (True, "user", False, Isolation("user", users=False, keeps_out=False)),
        (True, "", False, Isolation("", users=False, keeps_out=False)),
        (False, "user", False, Isolation("user", users=False, keeps_out=True)),
        (False, "", False, Isolation("", users=False, keeps_out=False)),
        (False, "user", True, Isolation("user", users=False, keeps_out=True)),
    ],
)
def test_what_is_done_follows_from_what_is_possible(
    root: bool, namespace: str, users: bool, expected: Isolation
) -> None:
    assert decide(root=root, namespace=namespace, users=users) == expected


def test_what_is_kept_below_a_cover_is_shown_again() -> None:
    covers = plan_covers(["/root", "/root/data", "/etc/k"], [], ["/root/py", "/usr"])
    assert covers.first == ["/etc/k", "/root"]
    assert covers.binds == [("/root/py", "/root/py", False)]
    assert covers.late == []


def test_a_bind_does_not_show_what_is_covered() -> None:
    binds = [("/srv/storage", "/data", False), ("/srv/storage/own", "/job", False)]
    covers = plan_covers(["/srv", "/srv/storage/own"], binds, ["/usr"])
    assert covers.late == ["/data/own"]


def test_the_root_itself_is_never_covered() -> None:
    assert outermost(["/", "/a/b", "/a", "/ab"]) == ["/a", "/ab"]


@dataclass
class Home:
    """A portal's data folder with everything in it, and a runtime on it."""

    data: Path
    config: Path
    listener: socket.socket
    cluster: LocalCluster

    def mounts(self, who: str) -> tuple[HostMount, ...]:
        storage = self.data / "storage"
        return (
            a_mount(str(storage / "work" / who), "/work"),
            a_mount(str(storage / "jobs" / "260101" / who), "/job"),
            HostMount("data", str(storage / "storage"), "/data", shared=True),
        )

    def launch(self, command: str, who: str = "alice", user_id: int = ALICE) -> Launch:
        launch = a_launch(command, mounts=self.mounts(who), username=who, user_id=user_id)
        self.cluster.launch(launch)
        return launch

    def run(self, command: str, who: str = "alice", user_id: int = ALICE) -> str:
        """What it said until it ended."""
        launch = self.launch(command, who, user_id)
        until(self.cluster, launch.ref, *ENDED)
        return said(self.cluster, launch.ref)


def make_home(place: Place, real_mounts: bool | None, uid_base: int) -> Home:
    place.root.chmod(0o755)
    data, config = place.root, place.root / "portal.yaml"
    config.write_text(f"admin_password: {SECRET}\n")
    (data / "secret_key").write_text(SECRET)
    (data / "secret_key").chmod(0o600)
    with sqlite3.connect(data / "aoli.db") as database:
        database.execute("create table users (password text)")
        database.execute("insert into users values (?)", (SECRET,))
    listener = socket.socket(socket.AF_UNIX)
    (data / "valkey").mkdir(mode=0o700)
    listener.bind(str(data / "valkey" / "v.sock"))
    listener.listen()
    cluster = place.cluster(
        real_mounts=real_mounts, data_dir=data, private=[config], uid_base=uid_base
    )
    return Home(data, config, listener, cluster)


@pytest.fixture
def open_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Where other users can come to, as to /var/lib; commands use the machine's Python there."""
    monkeypatch.setattr("portal.adapters.local.walls.python_installation", lambda: ["/usr"])
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(os.path.realpath(folder)))
        yield place
        for ref in place.layout.attempts():
            place.cluster().remove(ref, force=True)
        assert place.processes() == []


@pytest.fixture(params=["mount", "users", "namespace"])
def home(request: pytest.FixtureRequest, place: Place) -> Iterator[Home]:
    """In each way that this machine and user allow."""
    root = os.getuid() == 0
    if (request.param == "namespace") == root:
        pytest.skip("for root" if not root else "for who is not root")
    real_mounts = False if request.param == "users" else None
    if request.param == "users":
        place = request.getfixturevalue("open_place")
    found = make_home(place, real_mounts, UID_BASE if root else 0)
    try:
        if found.cluster.jobs_reach_portal:
            pytest.skip("this machine does not allow it here")
        yield found
    finally:
        found.listener.close()


HOSTILE = r"""
import os, signal, socket, sqlite3, sys
data, portal, secret = sys.argv[1], sys.argv[2], sys.argv[3]
def attempt(name, act):
    try:
        found = act()
    except Exception as error:
        print(name, "refused", type(error).__name__)
    else:
        print(name, "GOT", found)
def read(path):
    def act():
        with open(path, "rb") as file:
            text = file.read(200)
        if not text:
            raise ValueError("nothing")
        return text
    return act
def write(path):
    def act():
        with open(path, "w") as file:
            file.write("owned")
    return act
def insert(path):
    def act():
        with sqlite3.connect(path) as database:
            database.execute("insert into users values ('mine')")
    return act
def connect(path):
    return lambda: socket.socket(socket.AF_UNIX).connect(path)
def listing(path):
    def act():
        found = os.listdir(path)
        if not found:
            raise ValueError("nothing")
        return found
    return act
roots = ["", f"/proc/{portal}/root", f"/proc/{os.getppid()}/root", "/proc/1/root",
         f"/proc/{portal}/cwd/../../../../../../..", "/proc/self/root"]
pids = [portal, os.getppid(), 1]
for n, root in enumerate(roots):
    at = root + data
    attempt(f"key{n}", read(at + "/secret_key"))
    attempt(f"config{n}", read(at + "/portal.yaml"))
    attempt(f"database{n}", read(at + "/aoli.db"))
    attempt(f"insert{n}", insert(at + "/aoli.db"))
    attempt(f"write{n}", write(at + "/planted"))
    attempt(f"replace{n}", lambda: os.rename(at + "/aoli.db", at + "/aoli.bak"))
    attempt(f"socket{n}", connect(at + "/valkey/v.sock"))
    attempt(f"runtime{n}", listing(at + "/state"))
    attempt(f"logs{n}", listing(at + "/logs"))
    attempt(f"jobs{n}", listing(at + "/storage/jobs/260101"))
    attempt(f"bob{n}", read(at + "/storage/work/bob/private"))
    attempt(f"bobs-job{n}", read(at + "/storage/jobs/260101/bob/private"))
    attempt(f"bobs-plan{n}", write(at + "/storage/jobs/260101/bob/planted"))
for pid in pids:
    for name in ("environ", "mem", "maps"):
        attempt(f"{name}-{pid}", read(f"/proc/{pid}/{name}"))
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        numbers = []
    for number in numbers:
        attempt(f"fd-{pid}-{number}", lambda: os.readlink(f"/proc/{pid}/fd/{number}"))
        attempt(f"fd-{pid}-{number}", lambda: os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY))
os.system("unshare -Urm sh -c 'umount -l " + data + "; umount " + data + ";"
          " cat " + data + "/secret_key' 2>/dev/null")
os.system("umount -l " + data + " 2>/dev/null; cat " + data + "/secret_key 2>/dev/null")
print("end")
"""


def bobs_files(home: Home) -> Launch:
    """A job of Bob that is still at work, with files and output of his own."""
    launch = home.launch(
        f"echo {SECRET} | tee /dev/stderr $AOLI_WORK_PATH/private $AOLI_JOB_PATH/private"
        f" >/dev/null; export KEY={SECRET}; exec sleep 600",
        "bob",
        BOB,
    )
    until_said(home.cluster, launch.ref, SECRET)
    return launch


def test_a_job_gets_nothing_of_the_portal_or_of_others(home: Home, tmp_path: Path) -> None:
    bob = bobs_files(home)
    shared = home.data / "storage" / "storage"
    (shared / "hostile.py").write_text(HOSTILE)
    environ = {"AOLI_ADMIN_PASSWORD": SECRET, "PATH": os.environ["PATH"]}
    with subprocess.Popen(["sleep", "600"], env=environ) as portal:
        command = (
            f'exec python3 "$AOLI_DATA_PATH/hostile.py" {os.path.realpath(home.data)}'
            f" {portal.pid} {SECRET}"
        )
        output = home.run(command)
        portal.kill()
    assert output.endswith("end\n"), output
    assert [line for line in output.splitlines() if " GOT " in line] == []
    # The command line, which holds the word, is no secret; nothing else may hold it.
    assert SECRET not in output
    assert not (home.data / "planted").exists()
    with sqlite3.connect(home.data / "aoli.db") as database:
        assert database.execute("select password from users").fetchall() == [(SECRET,)]
    assert status(home.cluster, bob.ref).phase is ReplicaPhase.RUNNING


def test_a_job_has_its_own_folders(home: Home) -> None:
    output = home.run(
        "set -e; echo 1 > $AOLI_WORK_PATH/a; mkdir $AOLI_JOB_PATH/logs;"
        " echo 2 > $AOLI_JOB_PATH/logs/events.out.tfevents; echo 3 > $AOLI_DATA_PATH/c;"
        " echo 4 > $HOME/x; mktemp > /dev/null; echo 5 > /dev/stdout; echo 6 >> /dev/stderr;"
        " python3 -c 'import getpass, tempfile; tempfile.TemporaryFile(); print(getpass.getuser())'"
    )
    assert output == "5\n6\nalice\n"
    storage = home.data / "storage"
    assert (storage / "work/alice/a").read_text() == "1\n"
    events = storage / "jobs/260101/alice/logs/events.out.tfevents"
    assert events.read_text() == "2\n"
    assert (storage / "storage/c").read_text() == "3\n"
    assert home.run("cat $AOLI_DATA_PATH/c; echo 7 > $AOLI_DATA_PATH/d", "bob", BOB) == "3\n"
    assert (storage / "storage/d").read_text() == "7\n"


def test_the_replicas_of_a_job_share_their_files(home: Home) -> None:
    command = "cat $HOSTS; echo evil > $HOSTS || echo kept"
    launch = a_launch(
        "",
        replicas=[a_replica(command, mounts=home.mounts("alice"))],
        files=(SharedFile("hosts", "a b\n", ("HOSTS",)),),
        user_id=ALICE,
    )
    home.cluster.launch(launch)
    until(home.cluster, launch.ref, *ENDED)
    words = said(home.cluster, launch.ref)
    assert words.startswith("a b\n")
    assert words.endswith("kept\n")


@root_only
def test_each_user_has_a_number(home: Home) -> None:
    assert home.run(
        "id -u; id -g; grep NoNewPrivs /proc/self/status; grep CapEff /proc/self/status"
    ) == (f"{UID_BASE + ALICE}\n{UID_BASE + ALICE}\nNoNewPrivs:\t1\nCapEff:\t0000000000000000\n")
    assert home.run("id -u", "bob", BOB) == f"{UID_BASE + BOB}\n"


@root_only
def test_what_a_user_had_before_becomes_his(home: Home) -> None:
    own = home.data / "storage" / "work" / "alice"
    (own / "deep").mkdir(parents=True)
    (own / "deep" / "old").write_text("old")
    (own / "link").symlink_to("/etc/hostname")
    before = os.stat("/etc").st_uid
    assert home.run("echo new > $AOLI_WORK_PATH/deep/old && echo ok") == "ok\n"
    assert (own / "deep" / "old").read_text() == "new\n"
    assert os.stat("/etc/hostname").st_uid == before


@root_only
def test_a_sub_path_is_made_for_the_user(home: Home) -> None:
    storage = home.data / "storage"
    mount = HostMount("job", str(storage / "work" / "alice"), "/job", sub_path="a/b")
    launch = a_launch("touch x && echo ok", mounts=[mount], user_id=ALICE)
    home.cluster.launch(launch)
    until(home.cluster, launch.ref, *ENDED)
    assert said(home.cluster, launch.ref) == "ok\n"
    assert (storage / "work/alice/a/b/x").stat().st_uid == UID_BASE + ALICE


@root_only
def test_a_number_beyond_all_user_ids_is_refused(home: Home) -> None:
    with pytest.raises(PermanentFailure, match="local_uid_base"):
        home.launch("true", "zoe", 2**31)


@root_only
def test_the_portals_files_are_closed_where_ways_are_opened(open_place: Place) -> None:
    """Without a private root commands pass the data folder: nothing else in it may be read."""
    home = make_home(open_place, False, UID_BASE)
    (home.data / "logs").mkdir()
    home.listener.close()
    if home.cluster.jobs_reach_portal:
        pytest.skip("this machine does not allow it here")
    home.run("true")
    for name in ("aoli.db", "secret_key", "portal.yaml", "logs"):
        assert stat.S_IMODE((home.data / name).stat().st_mode) & 0o077 == 0, name
    assert stat.S_IMODE(home.data.stat().st_mode) == 0o711


def test_a_job_of_the_portals_own_user_is_owned_up_to(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = place.cluster(real_mounts=False)
    assert cluster.jobs_reach_portal
    assert "jobs run as the portal's own user" in caplog.text


@root_only
def test_root_without_numbers_for_users_protects_nothing(place: Place) -> None:
    assert place.cluster(uid_base=0).jobs_reach_portal


def test_a_link_put_in_the_place_of_a_folder_is_not_followed(place: Place) -> None:
    """Between the check of a folder and its use other commands of the user may act."""
    cluster = place.cluster()
    if not cluster.mounts_are_real:
        pytest.skip("needs a private root")
    inside, elsewhere = place.root / "stage", place.root / "elsewhere"
    inside.mkdir()
    elsewhere.mkdir()
    (place.root / "own").symlink_to(elsewhere)
    from portal.adapters.local.capabilities import namespace_kind
    from portal.adapters.local.shim.namespace import enter

    kind = namespace_kind(place.root / "state")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            enter(kind, str(inside), [(str(place.root / "own"), "/job", False)])
        except OSError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as answer:
        assert "link" in answer.read()
