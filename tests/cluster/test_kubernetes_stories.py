"""What users and operators see on a real Kubernetes, beyond the contract."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi
from portal.adapters.kubernetes.cluster import KubernetesCluster
from portal.adapters.kubernetes.inside import end_processes
from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.job import RegistryLogin
from portal.domain.launch import HostMount, Launch, ReplicaPhase, ReplicaStatus
from portal.domain.resources import Slot
from portal.testing.builders import a_launch, a_mount, a_ref, a_replica
from portal.testing.recording import RecordingListener
from portal.testing.waiting import eventually

from .conftest import DEADLINE_S, GPU, NPU, Rig, make_cluster

pytestmark = pytest.mark.kubernetes

Start = Callable[..., Launch]
Until = Callable[..., ReplicaStatus]
ENDED = (ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED)


def said(cluster: KubernetesCluster, launch: Launch, replica: str = "worker-0") -> str:
    lines = cluster.logs(launch.ref, replica)
    return "".join(line.partition(b" ")[2].decode() for line in lines)


def pod(api: KubernetesApi, namespace: str, launch: Launch) -> dict[str, Any]:
    name = naming.pod_name(launch.ref, launch.replicas[0].name)
    return api.call("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")


def exists(api: KubernetesApi, path: str) -> bool:
    collection, _, name = path.rpartition("/")
    return name in {item["metadata"]["name"] for item in api.pages(collection, {})[0]}


def test_an_image_that_cannot_be_pulled_says_why_and_is_gone_at_once(
    cluster: KubernetesCluster, start: Start, until: Until
) -> None:
    ref = start(image="registry.invalid/team/none:1").ref
    status = until(ref, code="image_pull")
    assert status.phase is ReplicaPhase.PENDING
    assert "registry.invalid/team/none:1" in status.detail
    cluster.stop(ref, 600)
    eventually(lambda: cluster.observe(ref).gone, 5, what="a pod that never ran to go")


def test_an_image_name_that_is_none(start: Start, until: Until) -> None:
    status = until(start(image="UPPER/case:1").ref, code="image_pull")
    assert "UPPER/case:1" in status.detail


def test_an_image_without_a_shell_cannot_start(
    start: Start, until: Until, rig: Rig, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "readme").write_text("no shell here")
    rig.kube("image", "--rootfs", str(tmp_path / "root"), "--name", "no-shell:local")
    status = until(start("echo hello", image="no-shell:local").ref, code="start_error")
    assert (status.phase, status.exit_code) == (ReplicaPhase.FAILED, None)
    assert "/bin/sh" in status.detail


def test_a_command_exits_with_its_code_and_message(start: Start, until: Until) -> None:
    status = until(start("echo $$ >&2; false || exit 3").ref, *ENDED)
    assert (status.phase, status.exit_code, status.code) == (ReplicaPhase.FAILED, 3, None)


def test_too_much_memory(cluster: KubernetesCluster, start: Start, until: Until, node: str) -> None:
    hungry = a_replica(
        'exec python3 -c "b = bytearray(400 << 20); print(len(b))"',
        slot=Slot(node),
        resources={"memory": 100 << 20},
    )
    status = until(start(replicas=(hungry,)).ref, *ENDED)
    assert (status.phase, status.code) == (ReplicaPhase.FAILED, "out_of_memory")
    assert status.exit_code == 137


def test_what_kubernetes_would_expand_is_left_to_the_shell(
    cluster: KubernetesCluster, start: Start, until: Until
) -> None:
    # $(NAME) is a command to the shell, but the variable's value to Kubernetes.
    launch = start(
        'NAME() { echo mine; }; G=hi; echo "$(echo $G) $(NAME) $NAME"',
        env={"NAME": "$(HOME)$$"},
    )
    until(launch.ref, ReplicaPhase.SUCCEEDED)
    assert said(cluster, launch) == "hi mine $(HOME)$$\n"


def test_sigterm_reaches_every_process_of_the_command(
    cluster: KubernetesCluster, start: Start, until: Until, tmp_path: Path, rig: Rig
) -> None:
    if not rig.own:
        pytest.skip("looks at the node's folders")
    program = (
        "import signal, sys, time\n"
        "def save(*_):\n"
        "    time.sleep(2)\n"
        "    open('/job/saved', 'w').close()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    launch = start(
        f"set -e\ncat > /tmp/train.py <<'END'\n{program}END\npython3 /tmp/train.py\necho never",
        mounts=[a_mount(str(tmp_path / "job"))],
    )
    eventually(lambda: "ready" in said(cluster, launch), DEADLINE_S)
    asked = time.monotonic()
    cluster.stop(launch.ref, 30)
    eventually(lambda: cluster.observe(launch.ref).gone, DEADLINE_S)
    assert (tmp_path / "job" / "saved").exists()
    assert time.monotonic() - asked < 20, "it was killed instead of asked"


def test_a_registry_login_is_a_secret_that_goes_with_the_job(
    cluster: KubernetesCluster, start: Start, until: Until, api: KubernetesApi, namespace: str
) -> None:
    login = RegistryLogin("registry.example.com:5000", "alice", "s3cr3t-word")
    launch = start(registry=login)
    path = f"/api/v1/namespaces/{namespace}/secrets/{naming.secret_name(launch.ref)}"
    secret = api.call("GET", path)
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert config["auths"]["registry.example.com:5000"]["password"] == "s3cr3t-word"
    until(launch.ref, ReplicaPhase.RUNNING)
    spec = pod(api, namespace, launch)["spec"]
    assert spec["imagePullSecrets"] == [{"name": naming.secret_name(launch.ref)}]
    cluster.stop(launch.ref, 1)
    assert not exists(api, path)


def test_what_is_left_of_a_job_that_lost_its_pods_is_seen_and_removed(
    cluster: KubernetesCluster,
    start: Start,
    until: Until,
    api: KubernetesApi,
    namespace: str,
    watching: RecordingListener,
) -> None:
    launch = start(registry=RegistryLogin("registry.example.com", "alice", "s3cr3t-word"))
    until(launch.ref, ReplicaPhase.RUNNING)
    name = naming.pod_name(launch.ref, "worker-0")
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"
    api.call("DELETE", path, body={"gracePeriodSeconds": 1})

    def bare() -> bool:
        seen = watching.latest(launch.ref)
        return bool(seen and not seen.replicas and seen.objects)

    eventually(bare, DEADLINE_S, what="the watch to see that only the Secret is left")
    seen = cluster.observe(launch.ref)
    assert (seen.replicas, seen.objects) == ((), True)
    assert cluster.observe_all()[launch.ref] == seen
    cluster.remove(launch.ref)
    assert cluster.observe(launch.ref).gone

    def gone() -> bool:
        last = watching.latest(launch.ref)
        return last is not None and last.gone

    eventually(gone, DEADLINE_S, what="the watch to see the end of the Secret")


def test_a_sub_path_is_made_and_cannot_leave(
    cluster: KubernetesCluster, start: Start, until: Until, tmp_path: Path, rig: Rig
) -> None:
    if not rig.own:
        pytest.skip("looks at the node's folders")
    work = tmp_path / "work" / "alice"
    work.mkdir(parents=True)
    (work / "out").symlink_to("/etc")
    (work / "up").symlink_to("../bob")
    (tmp_path / "work" / "bob").mkdir()

    def mount(sub_path: str) -> HostMount:
        return HostMount("work", str(work), "/work", sub_path=sub_path)

    inside = start("echo kept > /work/result", mounts=[mount("new/deep")])
    until(inside.ref, ReplicaPhase.SUCCEEDED)
    assert (work / "new" / "deep" / "result").read_text() == "kept\n"
    for leaving in ("out", "up"):
        status = until(start("ls /work", mounts=[mount(leaving)]).ref, code="start_error")
        assert "subPath" in status.detail


def test_a_mount_may_be_read_only(
    cluster: KubernetesCluster, start: Start, until: Until, tmp_path: Path
) -> None:
    mount = a_mount(str(tmp_path / "data"), "/data", read_only=True)
    launch = start("touch /data/new", mounts=[mount])
    assert until(launch.ref, *ENDED).phase is ReplicaPhase.FAILED


def test_devices_are_asked_for_and_counted(
    cluster: KubernetesCluster,
    start: Start,
    until: Until,
    api: KubernetesApi,
    namespace: str,
    node: str,
    rig: Rig,
    watching: RecordingListener,
) -> None:
    rig.kube("device", node, "nvidia.com/gpu=2")
    try:
        seen = next(n for n in cluster.nodes() if n.name == node)
        assert (seen.device_type, seen.devices, seen.foreign_devices) == (GPU.name, 2, 0)
        slot = Slot(node, (0, 1))
        both = a_replica("sleep 600", slot=slot, resources={"nvidia.com/gpu": 2})
        first = start(replicas=(both,))
        until(first.ref, ReplicaPhase.RUNNING)
        made = pod(api, namespace, first)
        assert made["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "2"}
        assert made["metadata"]["annotations"]["aoli/devices"] == "0,1"
        second = start(replicas=(replace(both, name="worker-0"),))
        waiting = until(second.ref, code="unschedulable")
        assert "Insufficient nvidia.com/gpu" in waiting.detail
        other = make_cluster(rig, namespace, instance="other")
        assert next(n for n in other.nodes() if n.name == node).foreign_devices == 2
        assert next(n for n in cluster.nodes() if n.name == node).foreign_devices == 0
        assert watching.nodes == tuple(cluster.nodes())
        cluster.remove(first.ref, force=True)
        until(second.ref, ReplicaPhase.RUNNING)
    finally:
        rig.kube("device", node, "nvidia.com/gpu=2", "--remove")


def test_a_device_type_finds_its_nodes_by_label(
    cluster: KubernetesCluster, start: Start, until: Until, api: KubernetesApi, node: str, rig: Rig
) -> None:
    def label(value: str | None) -> None:
        api.call(
            "PATCH",
            f"/api/v1/nodes/{node}",
            body={"metadata": {"labels": {"accelerator": value}}},
            content_type="application/merge-patch+json",
        )

    wanting = a_replica("echo hello", slot=Slot(node), node_labels=NPU.node_labels)
    launch = start(replicas=(wanting,))
    assert "node(s) didn't match" in until(launch.ref, code="unschedulable").detail
    label("huawei-Ascend910")
    try:
        assert next(n for n in cluster.nodes() if n.name == node).device_type == NPU.name
        until(launch.ref, ReplicaPhase.SUCCEEDED)
    finally:
        label(None)


def test_a_node_that_does_not_exist_holds_nothing(start: Start, until: Until) -> None:
    until(start("echo hello", node="no-such-node").ref, code="unschedulable")


def test_peers_find_each_other_by_name(
    cluster: KubernetesCluster, start: Start, until: Until, node: str
) -> None:
    ref = a_ref()
    names = ("worker-0", "worker-1")
    words = [name for one in names for name in (one, cluster.host_of(ref, one))]
    look = "; ".join(
        f"until getent hosts {word} >/dev/null; do sleep 0.2; done; echo found {word}"
        for word in words
    )
    replicas = tuple(
        a_replica(f"hostname; {look}; sleep 600", name=name, rank=rank, slot=Slot(node), host=name)
        for rank, name in enumerate(names)
    )
    launch = start(ref=ref, replicas=replicas, peers=True)
    for name in names:

        def all_found(name: str = name) -> bool:
            return said(cluster, launch, name).count("found") == len(words)

        eventually(all_found, DEADLINE_S, what=f"{name} to find its peers")
        assert said(cluster, launch, name).splitlines()[0] == name
    assert [status.name for status in cluster.observe(ref).replicas] == list(names)
    cluster.remove(ref, force=True)
    eventually(lambda: cluster.observe(ref).gone, DEADLINE_S)


def test_a_pod_has_no_powers(
    cluster: KubernetesCluster, start: Start, until: Until, api: KubernetesApi, namespace: str
) -> None:
    launch = start("ls /var/run/secrets; df /dev/shm | tail -1; true")
    until(launch.ref, ReplicaPhase.SUCCEEDED)
    spec = pod(api, namespace, launch)["spec"]
    assert not spec.get("hostNetwork")
    assert not spec["containers"][0].get("securityContext")
    output = said(cluster, launch)
    assert "No such file" in output
    size_kib = int(output.splitlines()[-1].split()[1])
    assert size_kib > 65536, "shared memory is no larger than a container's default"


def test_two_portals_in_one_namespace_do_not_meet(
    cluster: KubernetesCluster, start: Start, until: Until, rig: Rig, namespace: str
) -> None:
    other = make_cluster(rig, namespace, instance="other")
    launch = start()
    until(launch.ref, ReplicaPhase.RUNNING)
    assert other.observe(launch.ref).gone
    assert launch.ref not in other.observe_all()
    other.remove(launch.ref, force=True)
    assert until(launch.ref, ReplicaPhase.RUNNING)
    with pytest.raises(PermanentFailure, match="another portal"):
        other.launch(launch)


def test_what_will_not_end_is_ended_from_inside(
    cluster: KubernetesCluster, start: Start, until: Until, api: KubernetesApi, namespace: str
) -> None:
    """Nothing is deleted: whatever the node's idea of a grace is, the command is gone."""
    stubborn = "trap '' TERM\necho ready\nwhile :; do sleep 1; done"
    launch = start(f"({stubborn}) & {stubborn}")
    eventually(lambda: said(cluster, launch).count("ready") == 2, DEADLINE_S)
    name = naming.pod_name(launch.ref, "worker-0")
    end_processes(api, [f"/api/v1/namespaces/{namespace}/pods/{name}", "/api/v1/nowhere"])
    status = until(launch.ref, *ENDED)
    assert (status.phase, status.signalled) == (ReplicaPhase.FAILED, False)
    # bash's `wait` says 255 when SIGTERM and the command's end come at the same moment.
    assert status.exit_code in (137, 255)


def test_a_kill_does_not_wait_for_the_grace_of_a_pause(
    cluster: KubernetesCluster, start: Start
) -> None:
    launch = start("trap '' TERM; echo ready; while :; do sleep 1; done")
    eventually(lambda: "ready" in said(cluster, launch), DEADLINE_S)
    cluster.stop(launch.ref, 3600)
    cluster.stop(launch.ref, 1)
    cluster.remove(launch.ref, force=True)
    eventually(lambda: cluster.observe(launch.ref).gone, DEADLINE_S, what="the killed job to go")


def test_a_spec_that_kubernetes_refuses(cluster: KubernetesCluster, rig: Rig, node: str) -> None:
    wrong = a_replica("echo hello", slot=Slot(node), env={"not=a-name": "x"})
    launch = a_launch(replicas=(wrong,), image=rig.image)
    with pytest.raises(PermanentFailure, match="not=a-name"):
        cluster.launch(launch)
    cluster.remove(launch.ref)
    assert cluster.observe(launch.ref).gone


def test_no_answer_is_a_temporary_failure(namespace: str, tmp_path: Path, rig: Rig) -> None:
    nowhere = tmp_path / "kubeconfig"
    config = yaml.safe_load(Path(rig.kubeconfig).read_text())
    for entry in config["clusters"]:
        entry["cluster"]["server"] = "https://127.0.0.1:1"
    nowhere.write_text(yaml.safe_dump(config))
    broken = make_cluster(rig, namespace, kubeconfig=str(nowhere))
    for call in (
        broken.ping,
        broken.nodes,
        broken.observe_all,
        lambda: broken.launch(a_launch()),
        lambda: broken.remove(a_ref()),
        lambda: list(broken.logs(a_ref(), "worker-0")),
    ):
        with pytest.raises(TemporaryFailure, match="does not answer"):
            call()
    missing = make_cluster(rig, namespace, kubeconfig=str(tmp_path / "none"))
    with pytest.raises(TemporaryFailure, match="kubeconfig"):
        missing.ping()
