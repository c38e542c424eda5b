"""A replica's life on a cluster: it runs, ends, is stopped, is taken away."""

# ruff: noqa: D102 - the names of the tests say it

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.domain.job import AttemptRef
from portal.domain.launch import Launch, ReplicaPhase, ReplicaStatus
from portal.domain.resources import Slot
from portal.ports import Cluster
from portal.testing.builders import a_mount, a_ref, a_replica
from portal.testing.cluster_contract_words import ENDED, STUBBORN, TRAPS, WAITS, ContractWords


class LifeTests(ContractWords):
    """From launch to remove."""

    def test_a_command_runs(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        before = datetime.now(UTC) - timedelta(seconds=2)
        launch = start(WAITS)
        running = self.until(cluster, launch.ref, ReplicaPhase.RUNNING)
        assert running.name == "worker-0"
        assert running.node == launch.replicas[0].slot.node
        assert running.exit_code is None
        assert not running.stopping
        assert running.started_at is not None
        if self.real_commands:
            assert before <= running.started_at <= datetime.now(UTC) + timedelta(seconds=2)
        self.until_said(cluster, launch.ref, "ready")

    def test_a_command_succeeds(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        ref = start("echo hello").ref
        done = self.until(cluster, ref, *ENDED)
        assert (done.phase, done.exit_code) == (ReplicaPhase.SUCCEEDED, 0)
        assert done.started_at is not None
        assert done.finished_at is not None
        assert done.started_at <= done.finished_at
        assert self.text(cluster, ref) == "hello\n"

    def test_a_command_fails(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        ref = start("echo oh; exit 3").ref
        done = self.until(cluster, ref, *ENDED)
        assert (done.phase, done.exit_code) == (ReplicaPhase.FAILED, 3)
        assert done.code is None
        assert done.finished_at is not None

    def test_launching_twice_is_once(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        launch = start(WAITS)
        cluster.launch(launch)
        first = self.until(cluster, launch.ref, ReplicaPhase.RUNNING)
        self.until_said(cluster, launch.ref, "ready")
        cluster.launch(launch)
        again = self.replica(cluster, launch.ref)
        assert again == first
        assert self.text(cluster, launch.ref) == "ready\n"

    def test_what_ended_is_not_started_again(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        launch = start("echo once; exit 4")
        first = self.until(cluster, launch.ref, *ENDED)
        cluster.launch(launch)
        assert self.replica(cluster, launch.ref) == first
        assert self.text(cluster, launch.ref) == "once\n"

    def test_replicas_are_apart(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        slot = Slot(self.node(cluster))
        ref = start(
            replicas=(
                a_replica("echo $RANK; sleep 600", slot=slot, env={"RANK": "0"}),
                a_replica("echo $RANK; exit 5", slot=slot, env={"RANK": "1"}, name="worker-1"),
            )
        ).ref
        failed = self.until(cluster, ref, *ENDED, name="worker-1")
        assert failed.exit_code == 5
        self.until(cluster, ref, ReplicaPhase.RUNNING, name="worker-0")
        self.until_said(cluster, ref, "0")
        assert self.text(cluster, ref, "worker-1") == "1\n"

    def test_who_only_serves_is_told_apart(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        slot = Slot(self.node(cluster))
        ref = start(
            replicas=(
                a_replica(WAITS, slot=slot),
                a_replica(WAITS, slot=slot, name="worker-1", serves=True),
            )
        ).ref
        serves = {replica.name: replica.serves for replica in cluster.observe(ref).replicas}
        assert serves == {"worker-0": False, "worker-1": True}

    def test_attempts_are_apart(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        first = start("exit 1").ref
        second = start("echo second", ref=AttemptRef(first.job_id, 2)).ref
        assert self.until(cluster, first, *ENDED).exit_code == 1
        assert self.until(cluster, second, *ENDED).exit_code == 0
        self.until_gone(cluster, first)
        assert not cluster.observe(second).gone

    def test_the_environment_reaches_the_command(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        ref = start('echo "$GREETING"', env={"GREETING": "a 'b' é"}).ref
        self.until(cluster, ref, ReplicaPhase.SUCCEEDED)
        assert self.text(cluster, ref) == "a 'b' é\n"

    def test_stop_asks_the_command_to_end(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        ref = start(TRAPS).ref
        self.until_said(cluster, ref, "ready")
        heard: list[bytes] = []
        follower = threading.Thread(
            target=lambda: heard.extend(cluster.logs(ref, "worker-0", follow=True)), daemon=True
        )
        follower.start()
        self.wait(cluster, lambda: heard, "the follower to hear")
        cluster.stop(ref, 600)
        cluster.stop(ref, 600)
        self.until_stopped(cluster, ref)
        follower.join(self.deadline_s)
        assert [line.partition(b" ")[2] for line in heard] == [b"ready\n", b"bye\n"]
        self.until_gone(cluster, ref)

    def test_a_stubborn_command_is_killed_after_the_grace(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        ref = start(STUBBORN).ref
        self.until_said(cluster, ref, "ready")
        cluster.stop(ref, 1)
        self.until_stopped(cluster, ref)
        self.until_gone(cluster, ref)

    def test_what_was_done_before_it_is_stopped_goes_on_saying_so(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        ref = start("echo hello").ref
        done = self.until(cluster, ref, *ENDED)
        assert (done.phase, done.signalled) == (ReplicaPhase.SUCCEEDED, False)
        cluster.stop(ref, 600)
        again = self.replica(cluster, ref)
        assert again is not None
        assert (again.phase, again.exit_code) == (ReplicaPhase.SUCCEEDED, 0)
        assert (again.signalled, again.finished_at) == (False, done.finished_at)

    def test_what_saves_because_it_is_stopped_is_not_told_as_done(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        ref = start(TRAPS).ref
        self.until_said(cluster, ref, "ready")
        heard: list[ReplicaStatus] = []
        cluster.stop(ref, 600)

        def stopped() -> bool:
            heard.extend(cluster.observe(ref).replicas)
            return not heard or heard[-1].phase in ENDED or cluster.observe(ref).gone

        self.wait(cluster, stopped, f"{ref} to stop")
        done = [r for r in heard if r.phase is ReplicaPhase.SUCCEEDED and not r.signalled]
        assert done == []

    def test_what_is_being_stopped_says_so(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        ref = start(STUBBORN).ref
        self.until_said(cluster, ref, "ready")
        cluster.stop(ref, 600)

        def stopping() -> bool:
            return any(r.stopping for r in cluster.observe(ref).replicas)

        self.wait(cluster, stopping, "stopping to show")
        cluster.remove(ref, force=True)
        self.wait(cluster, lambda: cluster.observe(ref).gone, "the forced end")

    def test_a_device_is_free_only_when_its_holder_is_gone(
        self, cluster: Cluster, start: Callable[..., Launch], tmp_path: Path
    ) -> None:
        """Each holder of the device locks its file; one is forced out of a long grace."""
        if not (self.real_commands and self.supports_mounts):
            pytest.skip("needs a shell and a folder that replicas share")
        mount = a_mount(str(self.storage(tmp_path) / "locks"), "/locks")
        lock = f"exec 9>{self.inside(cluster, mount)}/device-0; flock -n 9 || exit 9\n"
        first = start(lock + STUBBORN, mounts=[mount]).ref
        self.until_said(cluster, first, "ready")
        cluster.stop(first, 600)

        def gone() -> bool:
            cluster.remove(first, force=True)
            return cluster.observe(first).gone

        self.wait(cluster, gone, "the forced end")
        second = start(lock + "echo mine", mounts=[mount]).ref
        assert self.until(cluster, second, *ENDED).exit_code == 0
        assert self.text(cluster, second) == "mine\n"

    def test_stopping_the_unknown_or_ended_is_no_error(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        cluster.stop(a_ref(), 1)
        ref = start("exit 6").ref
        self.until(cluster, ref, *ENDED)
        cluster.stop(ref, 1)
        self.until_stopped(cluster, ref)

    def test_remove_may_be_repeated(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        ref = start("echo hello").ref
        self.until(cluster, ref, *ENDED)
        cluster.remove(ref)
        self.until_gone(cluster, ref)
        cluster.remove(ref, force=True)
        cluster.remove(a_ref())
        assert cluster.observe(ref).gone

    def test_remove_ends_what_still_runs(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        ref = start(WAITS).ref
        self.until_said(cluster, ref, "ready")
        cluster.remove(ref, force=True)
        self.wait(cluster, lambda: cluster.observe(ref).gone, "the forced end")
