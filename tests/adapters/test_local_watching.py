"""The local runtime's watch: the bell, listeners that fail, breaks."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from local_replicas import Place, until

from portal.adapters.local import watching
from portal.adapters.local.runtime import LocalCluster
from portal.adapters.local.shim.bell import Bell, ring
from portal.domain.launch import Observed, ReplicaPhase
from portal.testing import RecordingListener, a_launch, eventually


@contextmanager
def watched(cluster: LocalCluster, listener: RecordingListener) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=cluster.watch, args=(listener, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_everyone_who_listens_is_told(tmp_path: Path) -> None:
    one, two = Bell(str(tmp_path)), Bell(str(tmp_path))
    ring(str(tmp_path), "a")
    ring(str(tmp_path), "b")
    ring(str(tmp_path), "a")
    assert one.read() == two.read() == {"a", "b"}
    assert one.read() == set()
    one.close()
    two.close()
    assert os.listdir(tmp_path) == []


def test_pipes_of_the_dead_are_deleted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1-dead.fifo")
    (tmp_path / "1-dead.fifo.full").touch()
    ring(str(tmp_path), "a")
    assert os.listdir(tmp_path) == []


def test_nobody_listening_is_no_error(tmp_path: Path) -> None:
    ring(str(tmp_path / "none"), "a")


def test_when_too_much_is_told_everything_is_looked_at(tmp_path: Path) -> None:
    bell = Bell(str(tmp_path))
    for number in range(3000):
        ring(str(tmp_path), f"a-rather-long-name-of-an-attempt-{number}")
    assert bell.read() is None
    assert bell.read() == set()
    ring(str(tmp_path), "a")
    assert bell.read() == {"a"}
    bell.close()
    assert os.listdir(tmp_path) == []


class Failing(RecordingListener):
    """Fails at the first change."""

    failures = 1

    def attempt_changed(self, observed: Observed) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the listener's own trouble")
        super().attempt_changed(observed)


def test_a_listener_that_fails_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RELIST_S", 0.05)
    cluster, listener = Place(tmp_path).cluster(), Failing()
    launch = a_launch("exit 3")
    with watched(cluster, listener):
        eventually(lambda: listener.lists)
        cluster.launch(launch)
        eventually(lambda: listener.phases(launch.ref)[-1:] == [ReplicaPhase.FAILED])
        cluster.remove(launch.ref)
    assert listener.breaks == []


def test_what_was_missed_is_found_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RELIST_S", 0.05)
    place, listener = Place(tmp_path), RecordingListener()
    cluster = place.cluster()
    with watched(cluster, listener):
        eventually(lambda: listener.lists)
        for pipe in place.layout.watchers.glob("*.fifo"):
            pipe.unlink()
        launch = a_launch("exit 3")
        cluster.launch(launch)
        eventually(lambda: listener.phases(launch.ref)[-1:] == [ReplicaPhase.FAILED])
        cluster.remove(launch.ref)


def test_a_break_is_told_once_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "RETRY_S", 0.02)
    place, listener = Place(tmp_path), RecordingListener()
    place.layout.root.mkdir()
    place.layout.watchers.write_text("in the way")
    with watched(place.cluster(), listener):
        eventually(lambda: listener.breaks)
        place.layout.watchers.unlink()
        eventually(lambda: listener.lists)
        launch = a_launch("exit 0")
        place.cluster().launch(launch)
        eventually(lambda: listener.phases(launch.ref)[-1:] == [ReplicaPhase.SUCCEEDED])
        place.cluster().remove(launch.ref)
    assert len(listener.breaks) == 1


def test_several_watch_and_half_deleted_folders_are_tidied(tmp_path: Path) -> None:
    place, one, two = Place(tmp_path), RecordingListener(), RecordingListener()
    (place.layout.root / ".gone-abc" / "worker-0").mkdir(parents=True)
    cluster = place.cluster()
    launch = a_launch("sleep 600")
    with watched(cluster, one), watched(place.cluster(), two):
        eventually(lambda: one.lists and two.lists)
        assert not (place.layout.root / ".gone-abc").exists()
        cluster.launch(launch)
        until(cluster, launch.ref, ReplicaPhase.RUNNING)
        cluster.remove(launch.ref)
        gone = Observed(launch.ref)
        eventually(lambda: one.latest(launch.ref) == gone and two.latest(launch.ref) == gone)
