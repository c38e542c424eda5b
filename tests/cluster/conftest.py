"""A real Kubernetes: the one that AOLI_TEST_KUBECONFIG names, else the test rig's.

Nothing here is skipped for want of a cluster: without one the tests fail.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite(
    "portal.testing.cluster_contract_words",
    "portal.testing.cluster_contract_life",
    "portal.testing.cluster_contract_view",
    "portal.testing.cluster_contract_output",
)

from portal.adapters.kubernetes.client import KubernetesApi, Refusal  # noqa: E402
from portal.adapters.kubernetes.cluster import KubernetesCluster  # noqa: E402
from portal.adapters.kubernetes.node_view import DeviceRule  # noqa: E402
from portal.domain.job import AttemptRef  # noqa: E402
from portal.domain.launch import Launch, ReplicaPhase, ReplicaStatus  # noqa: E402
from portal.testing.builders import a_launch  # noqa: E402
from portal.testing.recording import RecordingListener  # noqa: E402
from portal.testing.waiting import eventually  # noqa: E402

RIG = Path(__file__).resolve().parents[2].parent / "shared" / "bin" / "kube"
GPU = DeviceRule("nvidia_gpu_amd64", "nvidia.com/gpu")
NPU = DeviceRule("huawei_npu_arm64", "huawei.com/Ascend910", {"accelerator": "huawei-Ascend910"})
NODE_LOST_AFTER_S = 3
DEADLINE_S = 60.0


@dataclass
class Rig:
    """The cluster under test and what can be done to it."""

    kubeconfig: str
    image: str
    own: bool
    """It is the test rig: its parts may be stopped and started."""

    def kube(self, *words: str) -> str:
        """Run the rig's command."""
        if not self.own:
            pytest.skip("only the test rig's parts may be stopped")
        done = subprocess.run([str(RIG), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"kube {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    given = os.environ.get("AOLI_TEST_KUBECONFIG")
    image = os.environ.get("AOLI_TEST_IMAGE", "train:local")
    if given:
        yield Rig(given, image, own=False)
        return
    if not RIG.exists():
        pytest.fail(f"no Kubernetes: AOLI_TEST_KUBECONFIG is not set and there is no {RIG}")
    was_up = subprocess.run([str(RIG), "status"], capture_output=True, check=False).returncode == 0
    subprocess.run([str(RIG), "install"], check=True, capture_output=True)
    up = [str(RIG), "up", "--grace", "10s"]
    made = subprocess.run(up, check=True, capture_output=True, text=True)
    kubeconfig = made.stdout.strip().rpartition("KUBECONFIG=")[2]
    yield Rig(kubeconfig, image, own=True)
    if not was_up:
        subprocess.run([str(RIG), "down"], check=True, capture_output=True)


@pytest.fixture(scope="session")
def api(rig: Rig) -> Iterator[KubernetesApi]:
    """The API, to look at and to do what the adapter would not."""
    client = KubernetesApi(rig.kubeconfig)
    yield client
    client.close()


@pytest.fixture(scope="session")
def namespace(api: KubernetesApi) -> Iterator[str]:
    """A name that nobody has: the first launch makes the namespace."""
    name = f"aoli-test-{uuid.uuid4().hex[:8]}"
    yield name
    with contextlib.suppress(Refusal):  # no test launched anything
        api.call("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def cluster(rig: Rig, namespace: str) -> Iterator[KubernetesCluster]:
    return make_cluster(rig, namespace)


def make_cluster(rig: Rig, namespace: str, **fields: Any) -> KubernetesCluster:
    given: dict[str, Any] = {
        "kubeconfig": rig.kubeconfig,
        "namespace": namespace,
        "device_rules": [GPU, NPU],
        "node_lost_after_s": NODE_LOST_AFTER_S,
    }
    return KubernetesCluster("test", **{**given, **fields})


@pytest.fixture
def node(cluster: KubernetesCluster) -> str:
    """A node that really runs things."""
    fit = [node for node in cluster.nodes() if node.schedulable and not node.simulated]
    assert fit, "no node is ready"
    return fit[0].name


@pytest.fixture
def start(cluster: KubernetesCluster, rig: Rig, node: str) -> Iterator[Callable[..., Launch]]:
    """Launch a command; everything is taken away at the end."""
    launched: list[AttemptRef] = []

    def launch(command: str = "echo ready; sleep 600", **fields: Any) -> Launch:
        made = a_launch(command, **{"node": node, "image": rig.image, **fields})
        launched.append(made.ref)
        cluster.launch(made)
        return made

    yield launch
    for ref in launched:
        eventually(lambda ref=ref: _removed(cluster, ref), DEADLINE_S, what=f"{ref} to go")


def _removed(cluster: KubernetesCluster, ref: AttemptRef) -> bool:
    cluster.remove(ref, force=True)
    return cluster.observe(ref).gone


@pytest.fixture
def until(cluster: KubernetesCluster) -> Callable[..., ReplicaStatus]:
    """Wait until an attempt's only replica fulfils a condition."""

    def wait(
        ref: AttemptRef,
        *phases: ReplicaPhase,
        code: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> ReplicaStatus:
        def there() -> ReplicaStatus | None:
            for status in cluster.observe(ref).replicas:
                if status.phase in (phases or tuple(ReplicaPhase)) and code in (None, status.code):
                    return status
            return None

        found = eventually(there, deadline_s, what=f"{ref} {phases} {code}")
        assert found is not None
        return found

    return wait


@pytest.fixture
def watching(cluster: KubernetesCluster) -> Iterator[RecordingListener]:
    """A listener that hears of everything; the watch has begun."""
    listener, stop = RecordingListener(), threading.Event()
    thread = threading.Thread(target=cluster.watch, args=(listener, stop), daemon=True)
    thread.start()
    eventually(lambda: listener.lists, DEADLINE_S, what="the first full list")
    yield listener
    stop.set()
    thread.join(5)
    assert not thread.is_alive(), "watch() goes on after stop was set"
