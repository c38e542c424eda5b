"""The rights that docs/kubernetes.md gives are enough, and what is optional is."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.adapters.kubernetes.cluster import KubernetesCluster
from portal.adapters.kubernetes.inside import end_processes
from portal.domain.errors import MissingRight, TemporaryFailure
from portal.domain.job import RegistryLogin
from portal.domain.launch import Launch, ReplicaPhase
from portal.testing.builders import a_launch
from portal.testing.recording import RecordingListener
from portal.testing.waiting import eventually

from .conftest import DEADLINE_S, Rig, make_cluster

pytestmark = pytest.mark.kubernetes

PLACE = "aoli-rights"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "kubernetes.md"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def documented(namespace: str) -> list[dict[str, Any]]:
    """The objects of the page's last YAML block, in another namespace and by its name."""
    text = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)[-1]
    made = []
    for thing in yaml.safe_load_all(text.replace("namespace: aoli", f"namespace: {namespace}")):
        if thing["kind"].startswith("Cluster"):
            thing["metadata"]["name"] = namespace
        if thing["kind"] == "ClusterRoleBinding":
            thing["roleRef"]["name"] = namespace
        made.append(thing)
    return made


def collection(thing: dict[str, Any], namespace: str) -> str:
    kind = thing["kind"].lower() + "s"
    if kind == "serviceaccounts":
        return f"/api/v1/namespaces/{namespace}/serviceaccounts"
    return f"{RBAC}/{kind}" if "cluster" in kind else f"{RBAC}/namespaces/{namespace}/{kind}"


@pytest.fixture
def place(rig: Rig) -> Iterator[str]:
    """A namespace of its own."""
    name = PLACE
    admin = KubernetesApi(rig.kubeconfig)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}

    def made() -> bool:
        """A namespace of the last run may still be going."""
        try:
            admin.call("POST", "/api/v1/namespaces", body=namespace)
        except Refusal as refusal:
            if refusal.status != 409:
                raise
            return False
        return True

    eventually(made, DEADLINE_S)
    yield name
    for kind in ("clusterrolebindings", "clusterroles"):
        admin.call("DELETE", f"{RBAC}/{kind}/{name}")
    admin.call("DELETE", f"/api/v1/namespaces/{name}")
    admin.close()


@pytest.fixture
def limited(rig: Rig, place: str, tmp_path: Path) -> Callable[..., KubernetesCluster]:
    """A cluster used by the documented account."""

    def account(*, all_pods: bool = True) -> KubernetesCluster:
        admin = KubernetesApi(rig.kubeconfig)
        for thing in documented(place):
            if thing["kind"] == "ClusterRole" and not all_pods:
                thing["rules"].pop()
            admin.call("POST", collection(thing, place), body=thing)
        path = f"/api/v1/namespaces/{place}/serviceaccounts/aoli/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = admin.call("POST", path, body=request)["status"]["token"]
        config = yaml.safe_load(Path(rig.kubeconfig).read_text())
        config["users"] = [{"name": "aoli", "user": {"token": token}}]
        for context in config["contexts"]:
            context["context"]["user"] = "aoli"
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        admin.close()
        return make_cluster(rig, place, kubeconfig=str(tmp_path / "kubeconfig"))

    return account


def _end_from_inside(cluster: KubernetesCluster, kubeconfig: Path, launch: Launch) -> None:
    cluster.launch(launch)

    def is_in(phase: ReplicaPhase) -> bool:
        return all(replica.phase is phase for replica in cluster.observe(launch.ref).replicas)

    eventually(lambda: is_in(ReplicaPhase.RUNNING), DEADLINE_S)
    api = KubernetesApi(str(kubeconfig))
    name = naming.pod_name(launch.ref, "worker-0")
    end_processes(api, [f"/api/v1/namespaces/{PLACE}/pods/{name}"])
    api.close()
    eventually(lambda: is_in(ReplicaPhase.FAILED), DEADLINE_S)
    cluster.remove(launch.ref)
    eventually(lambda: cluster.observe(launch.ref).gone, DEADLINE_S)


def live(cluster: KubernetesCluster, rig: Rig, kubeconfig: Path) -> None:
    """All that the portal asks of a cluster."""
    cluster.ping()
    node = next(n.name for n in cluster.nodes() if n.schedulable and not n.simulated)
    listener, stop = RecordingListener(), threading.Event()
    thread = threading.Thread(target=cluster.watch, args=(listener, stop), daemon=True)
    thread.start()
    eventually(lambda: listener.lists, DEADLINE_S)
    login = RegistryLogin("registry.example.com", "alice", "s3cr3t")
    launch = a_launch("echo hello", node=node, image=rig.image, registry=login, peers=True)
    cluster.launch(launch)
    cluster.launch(launch)

    def done() -> bool:
        seen = listener.latest(launch.ref)
        return bool(seen and seen.replicas and seen.replicas[0].phase is ReplicaPhase.SUCCEEDED)

    eventually(done, DEADLINE_S)
    assert [line.split()[1] for line in cluster.logs(launch.ref, "worker-0")] == [b"hello"]
    assert launch.ref in cluster.observe_all()
    _end_from_inside(cluster, kubeconfig, a_launch("sleep 600", node=node, image=rig.image))
    cluster.set_cordoned(node, True)
    cluster.set_cordoned(node, False)
    cluster.stop(launch.ref, 1)
    cluster.remove(launch.ref)
    eventually(lambda: cluster.observe(launch.ref).gone, DEADLINE_S)
    stop.set()
    thread.join(5)
    assert not listener.breaks


def test_the_documented_rights_are_enough(
    limited: Callable[..., KubernetesCluster], rig: Rig, tmp_path: Path
) -> None:
    live(limited(), rig, tmp_path / "kubeconfig")


def test_it_works_without_a_look_into_other_namespaces(
    limited: Callable[..., KubernetesCluster], rig: Rig, tmp_path: Path
) -> None:
    live(limited(all_pods=False), rig, tmp_path / "kubeconfig")


def test_missing_rights_are_named(
    limited: Callable[..., KubernetesCluster], rig: Rig, tmp_path: Path
) -> None:
    limited(all_pods=False)
    elsewhere = make_cluster(rig, "default", kubeconfig=str(tmp_path / "kubeconfig"))
    with pytest.raises(TemporaryFailure, match="cannot list resource"):
        elsewhere.ping()
    with pytest.raises(MissingRight, match="cannot create resource"):
        elsewhere.launch(a_launch())
    nowhere = make_cluster(rig, "no-such-place", kubeconfig=str(tmp_path / "kubeconfig"))
    with pytest.raises(MissingRight, match="cannot create resource"):
        nowhere.launch(a_launch())
