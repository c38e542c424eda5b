"""Output, folders, images and preview of a cluster."""

# ruff: noqa: D102 - the names of the tests say it

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from portal.domain.job import RegistryLogin
from portal.domain.launch import Launch, ReplicaPhase, ReplicaStatus, SharedFile
from portal.ports import Cluster
from portal.testing.builders import a_launch, a_mount, a_ref
from portal.testing.cluster_contract_words import ContractWords


class OutputTests(ContractWords):
    """What goes in and comes out."""

    def test_output_is_complete(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        if not self.real_commands:
            pytest.skip("needs a shell")
        command = (
            "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done;"
            " echo error >&2; printf 'no end'"
        )
        ref = start(command).ref
        self.until(cluster, ref, ReplicaPhase.SUCCEEDED)
        lines = list(cluster.logs(ref, "worker-0"))
        times = [line.partition(b" ")[0] for line in lines]
        words = [line.partition(b" ")[2].rstrip(b"\n") for line in lines]
        # Standard error is a stream of its own: it is in order in itself, and somewhere.
        assert words.count(b"error") == 1
        printed = [number for number, word in enumerate(words) if word != b"error"]
        wanted = [*(b"line %d" % i for i in range(2000)), b"no end"]
        assert [words[number] for number in printed] == wanted
        assert [times[n] for n in printed] == sorted(times[n] for n in printed)

    def test_a_long_line_is_complete(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        """It may be continued on further lines."""
        if not self.real_commands:
            pytest.skip("needs a shell")
        part = "0123456789" * 100
        command = (
            f"echo before; i=0; while [ $i -lt 50 ]; do printf %s {part}; i=$((i+1)); done;"
            " echo; echo after"
        )
        ref = start(command).ref
        self.until(cluster, ref, ReplicaPhase.SUCCEEDED)
        first, *middle, last = self.text(cluster, ref).splitlines()
        assert (first, last) == ("before", "after")
        assert "".join(middle) == part * 50

    def test_a_line_that_is_drawn_anew_is_one_line(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        if not self.real_commands:
            pytest.skip("needs a shell")
        ref = start(r"printf 'dos\r\n1%%\r2%%\r3%%\r\nmore\n\r 1\r 2\r   '").ref
        self.until(cluster, ref, ReplicaPhase.SUCCEEDED)
        assert self.text(cluster, ref) == "dos\n3%\nmore\n 2\n"

    def test_following_ends_with_the_replica(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        ref = start("echo one; sleep 1; echo two").ref
        self.wait(cluster, lambda: self.replica(cluster, ref), "the replica to show")
        heard: list[bytes] = []
        follower = threading.Thread(
            target=lambda: heard.extend(cluster.logs(ref, "worker-0", follow=True)), daemon=True
        )
        follower.start()
        self.wait(cluster, lambda: not follower.is_alive(), "following to end")
        assert [line.partition(b" ")[2] for line in heard] == [b"one\n", b"two\n"]

    def test_output_since_a_moment(self, cluster: Cluster, start: Callable[..., Launch]) -> None:
        ref = start("echo early; sleep 3; echo late").ref
        self.until(cluster, ref, ReplicaPhase.SUCCEEDED)
        stamp = list(cluster.logs(ref, "worker-0"))[-1].partition(b" ")[0].decode()
        since = datetime.fromisoformat(stamp[:19]).replace(tzinfo=UTC)
        lines = list(cluster.logs(ref, "worker-0", since=since))
        assert [line.partition(b" ")[2] for line in lines] == [b"late\n"]

    def test_the_unknown_says_nothing(self, cluster: Cluster) -> None:
        assert list(cluster.logs(a_ref(), "worker-0")) == []
        assert list(cluster.logs(a_ref(), "worker-0", follow=True)) == []

    def test_mounts_land_in_the_storage(
        self, cluster: Cluster, start: Callable[..., Launch], tmp_path: Path
    ) -> None:
        if not self.supports_mounts:
            pytest.skip("no mounts")
        folder = self.storage(tmp_path) / "jobs" / "261102" / "new"
        mount = a_mount(str(folder), "/job")
        seen = self.inside(cluster, mount)
        ref = start(f"echo kept > {seen}/result.txt && cat {seen}/result.txt", mounts=[mount]).ref
        self.until(cluster, ref, ReplicaPhase.SUCCEEDED)
        assert self.text(cluster, ref) == "kept\n"
        assert (folder / "result.txt").read_text() == "kept\n"
        self.until_gone(cluster, ref)
        assert (folder / "result.txt").read_text() == "kept\n"

    def test_shared_files_are_read_and_published_anew(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        if not self.real_commands:
            pytest.skip("needs a shell")
        launch = start(
            'cat "$HOSTS"; while [ "$(cat "$TABLE")" != done ]; do sleep 0.1; done; cat "$TABLE"',
            files=(
                SharedFile("hosts", "worker-0\n", ("HOSTS",)),
                SharedFile("table.json", "begun\n", ("TABLE",)),
            ),
        )
        self.until_said(cluster, launch.ref, "worker-0")
        cluster.publish(launch.ref, [SharedFile("table.json", "done\n")])
        cluster.publish(launch.ref, [SharedFile("table.json", "done\n")])
        self.until(cluster, launch.ref, ReplicaPhase.SUCCEEDED)
        assert self.text(cluster, launch.ref) == "worker-0\ndone\n"
        self.until_gone(cluster, launch.ref)
        cluster.publish(launch.ref, [SharedFile("table.json", "done\n")])
        assert cluster.observe(launch.ref).gone

    def test_an_image_that_cannot_be_pulled(
        self, cluster: Cluster, start: Callable[..., Launch]
    ) -> None:
        if not self.supports_images:
            pytest.skip("images are not used")
        ref = start("echo hello", image=self.missing_image).ref

        def refused() -> ReplicaStatus | None:
            status = self.replica(cluster, ref)
            return status if status and status.code == "image_pull" else None

        status = self.wait(cluster, refused, "image_pull")
        assert status.detail
        assert status.phase is not ReplicaPhase.RUNNING

    def test_the_preview_shows_no_secret_and_does_nothing(self, cluster: Cluster) -> None:
        login = RegistryLogin("registry.example.com", "alice", "s3cr3t-word")
        launch = replace(
            a_launch("echo hello", node=self.node(cluster), image=self.image), registry=login
        )
        preview: list[Mapping[str, Any]] = list(cluster.manifests(launch))
        assert preview
        assert "echo hello" in json.dumps(preview)
        assert "s3cr3t-word" not in json.dumps(preview)
        assert cluster.observe(launch.ref).gone
