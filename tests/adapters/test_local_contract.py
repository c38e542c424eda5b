"""The local runtime keeps the contract, with mounts at their paths and without."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.adapters.local.capabilities import PYTHON_FLAGS, SHIM
from portal.adapters.local.layout import Layout, read_json, write_json
from portal.adapters.local.runtime import LocalCluster
from portal.adapters.local.shim.record import boot_id
from portal.domain.job import AttemptRef
from portal.domain.launch import HostMount
from portal.ports import Cluster
from portal.testing.cluster_contract import ClusterContract


class TestLocalCluster(ClusterContract):
    real_mounts: bool | None = None
    uid_base = 0

    @pytest.fixture
    def cluster(self, tmp_path: Path) -> Cluster:
        return LocalCluster(
            state_dir=tmp_path / "state",
            storage_root=tmp_path / "storage",
            log_dir=tmp_path / "logs",
            devices={"nvidia_gpu_amd64": 8, "huawei_npu_arm64": 8},
            real_mounts=self.real_mounts,
            uid_base=self.uid_base,
        )

    @pytest.fixture(autouse=True)
    def _state(self, tmp_path: Path) -> Iterator[None]:
        self.layout = Layout(tmp_path / "state")
        yield
        assert self.layout.attempts() == []

    def lose(self, cluster: Cluster, ref: AttemptRef, replica: str) -> None:
        record = read_json(self.layout.replica(ref, replica) / "status.json")
        assert record
        os.kill(record["shim"], signal.SIGKILL)

    def inside(self, cluster: Cluster, mount: HostMount) -> str:
        assert isinstance(cluster, LocalCluster)
        return mount.target if cluster.mounts_are_real else "$AOLI_JOB_PATH"


class TestWithoutPrivateRoot(TestLocalCluster):
    real_mounts = False


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives other user ids")
class TestWithUserIds(TestLocalCluster):
    uid_base = 1_900_000_000


class TestInUserNamespace(TestLocalCluster):
    """As for a user who is not root; root can do it too."""

    @pytest.fixture
    def cluster(self, tmp_path: Path) -> Cluster:
        state = tmp_path / "state"
        if not namespace_works("user", tmp_path):
            pytest.skip("no user namespaces here")
        state.mkdir()
        key = f"{boot_id()} {os.getuid()}"
        write_json(state / "capabilities.json", {"key": key, "namespace": "user"})
        return LocalCluster(
            state_dir=state, storage_root=tmp_path / "storage", log_dir=tmp_path / "logs"
        )


def namespace_works(kind: str, tmp_path: Path) -> bool:
    folder = tmp_path / "probe"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, *PYTHON_FLAGS, str(SHIM / "probe.py"), str(folder), kind],
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout.decode() == kind
