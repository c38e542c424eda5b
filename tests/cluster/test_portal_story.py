"""A whole portal on a real Kubernetes, used through its API: a job's ways through the house."""

from __future__ import annotations

import contextlib
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.domain.job import AttemptRef
from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually

from .conftest import NODE_LOST_AFTER_S, Rig

pytestmark = pytest.mark.kubernetes
DEADLINE_S = 90.0


class Story:
    """The portal, the cluster behind it, and what a test asks of both."""

    def __init__(self, portal: RunningPortal, api: KubernetesApi, namespace: str, image: str):
        self.portal, self.api, self.namespace, self.image = portal, api, namespace, image
        self.storage = portal.folder / "storage"

    def submit(self, command: str, **fields: Any) -> str:
        return self.portal.submit(command, **{"image": self.image, **fields})

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.portal.call("GET", f"/jobs/{job_id}")
        return job

    def until(self, job_id: str, *states: str, attempts: int = 0) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in states and job["attempts"] >= attempts else None

        return eventually(there, DEADLINE_S, what=f"{states}: {self.job(job_id)}")

    def path(self, job_id: str) -> list[str]:
        events = self.portal.call("GET", f"/jobs/{job_id}/events")
        return [event["to"] for event in events]

    def output(self, job_id: str) -> str:
        url = f"{self.portal.url}/api/v1/jobs/{job_id}/logs?download=1"
        request = urllib.request.Request(url, headers=self.portal.authorization())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def objects(self, kind: str, job_id: str) -> list[dict[str, Any]]:
        path = f"/api/v1/namespaces/{self.namespace}/{kind}"
        query = {"labelSelector": f"{naming.LABEL_JOB}={job_id}"}
        items: list[dict[str, Any]] = self.api.call("GET", path, query=query)["items"]
        return items

    def nothing_left(self, job_id: str) -> None:
        kinds = ("pods", "secrets", "services", "configmaps")
        eventually(
            lambda: not any(self.objects(kind, job_id) for kind in kinds),
            DEADLINE_S,
            what="nothing is left",
        )

    def delete_pod(self, job_id: str, attempt: int) -> None:
        name = naming.pod_name(AttemptRef(job_id, attempt), "main")
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}"
        self.api.call("DELETE", path, body={"gracePeriodSeconds": 0})


@pytest.fixture(scope="module")
def story(
    rig: Rig, api: KubernetesApi, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("portal")
    namespace = f"aoli-story-{uuid.uuid4().hex[:8]}"
    settings = {
        "KUBECONFIG": rig.kubeconfig,
        "AOLI_CLUSTER": "kubernetes",
        "AOLI_CLUSTER_NAME": "atlas",
        "AOLI_NAMESPACE": namespace,
        "AOLI_STORAGE_ROOT": str(folder / "storage"),
        "AOLI_NODE_LOST_AFTER_S": str(NODE_LOST_AFTER_S),
        "AOLI_STOP_GRACE_S": "5",
    }
    with RunningPortal(folder, **settings) as portal:
        eventually(lambda: portal.call("GET", "/vcs")["items"], DEADLINE_S, what="the first VC")
        yield Story(portal, api, namespace, rig.image)
    with contextlib.suppress(Refusal):
        api.call("DELETE", f"/api/v1/namespaces/{namespace}")


def test_a_job_runs_to_its_end_and_its_output_stays(story: Story) -> None:
    mounts = {"work": {"enabled": True, "sub_path": "deep/er"}}
    job_id = story.submit(
        "echo begin $AOLI_USER $LR; echo kept > /work/result; echo ckpt > /job/model; echo end",
        mounts=mounts,
        env={"LR": "0.1"},
    )
    job = story.until(job_id, "finished")
    assert (job["exit_code"], job["attempts"]) == (0, 1)
    assert story.path(job_id) == ["queued", "scheduling", "running", "finished"]
    story.nothing_left(job_id)
    assert story.output(job_id).splitlines() == ["begin admin 0.1", "end"]
    assert (story.storage / "work" / "admin" / "deep" / "er" / "result").read_text() == "kept\n"
    assert (Path(job["job_path"]) / "model").read_text() == "ckpt\n"


def test_a_command_that_exits_3_is_failed_with_3(story: Story) -> None:
    job_id = story.submit("echo about to fail; exit 3")
    job = story.until(job_id, "failed", "error", "finished")
    assert (job["status"], job["exit_code"], job["reason"]["code"]) == ("failed", 3, "exit_code")
    story.nothing_left(job_id)
    assert "about to fail" in story.output(job_id)


def test_an_image_that_cannot_be_pulled_is_an_error_in_kubernetes_words(story: Story) -> None:
    job_id = story.submit("true", image="nowhere.example/none:1")
    job = story.until(job_id, "error", "failed")
    assert job["status"] == "error"
    assert job["reason"]["code"] == "image_pull"
    assert "nowhere.example/none:1" in job["reason"]["message"]
    assert "pull" in job["reason"]["detail"]
    story.nothing_left(job_id)


def test_a_registry_login_is_a_secret_that_goes_with_the_job(story: Story) -> None:
    login = {"server": "registry.example", "username": "bob", "password": "hunter2-long"}
    job_id = story.submit("sleep 600", registry=login)
    story.until(job_id, "running")
    (secret,) = story.objects("secrets", job_id)
    (pod,) = story.objects("pods", job_id)
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    assert pod["spec"]["imagePullSecrets"] == [{"name": secret["metadata"]["name"]}]
    assert "hunter2-long" not in str(story.job(job_id))
    story.portal.call("POST", f"/jobs/{job_id}/kill")
    story.until(job_id, "killed")
    story.nothing_left(job_id)
    assert "hunter2-long" not in story.portal.said()


def test_a_pod_deleted_behind_the_portals_back_is_started_again(story: Story) -> None:
    job_id = story.submit("echo attempt $AOLI_ATTEMPT; sleep 600")
    story.until(job_id, "running")
    story.delete_pod(job_id, 1)
    job = story.until(job_id, "running", attempts=2)
    assert job["retries"] == 1
    assert story.path(job_id)[3:] == ["preempting", "queued", "scheduling", "running"]
    story.portal.call("POST", f"/jobs/{job_id}/kill")
    story.until(job_id, "killed")


def test_a_job_that_the_platform_loses_too_often_is_an_error(story: Story) -> None:
    job_id = story.submit("sleep 600")
    for attempt in range(1, 5):
        story.until(job_id, "running", attempts=attempt)
        story.delete_pod(job_id, attempt)
    job = story.until(job_id, "error")
    assert (job["attempts"], job["reason"]["code"]) == (4, "lost_too_often")
    story.nothing_left(job_id)


def test_pause_frees_the_pods_and_resume_starts_again_under_the_same_id(story: Story) -> None:
    job_id = story.submit("trap 'echo saved; exit 0' TERM; echo up; sleep 600 & wait")
    story.until(job_id, "running")
    story.portal.call("POST", f"/jobs/{job_id}/pause")
    story.until(job_id, "paused")
    story.nothing_left(job_id)
    story.portal.call("POST", f"/jobs/{job_id}/resume")
    story.until(job_id, "running", attempts=2)
    story.portal.call("POST", f"/jobs/{job_id}/kill")
    story.until(job_id, "killed")


def test_devices_are_requested_and_the_next_job_waits_with_numbers(story: Story, rig: Rig) -> None:
    node = story.portal.call("GET", "/cluster/nodes")["items"][0]["name"]
    rig.kube("device", node, "nvidia.com/gpu=2")
    try:
        eventually(
            lambda: story.portal.call("GET", "/vcs/platform")["quota"].get("nvidia_gpu_amd64"),
            DEADLINE_S,
            what="the devices are found",
        )
        wanted = {"device_type": "nvidia_gpu_amd64", "devices": 2}
        first = story.submit("sleep 600", **wanted)
        story.until(first, "running")
        (pod,) = story.objects("pods", first)
        assert pod["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "2"}
        assert pod["spec"]["nodeName"] == node
        second = story.submit("echo mine", **wanted)
        reason = eventually(
            lambda: (found := story.job(second)["reason"])["code"] != "new" and found,
            DEADLINE_S,
            what="a reason",
        )
        assert (reason["code"], reason["used"], reason["needed"]) == ("vc_quota", 2, 2)
        story.portal.call("POST", f"/jobs/{first}/kill")
        story.until(second, "finished")
    finally:
        rig.kube("device", node, "nvidia.com/gpu=2", "--remove")


EXCHANGE = r"""
cat > /tmp/exchange.py <<'PY'
import os, socket, time
rank, port = int(os.environ["PET_NODE_RANK"]), int(os.environ["MASTER_PORT"])
if rank == 0:
    server = socket.create_server(("", port))
    peer, _ = server.accept()
    other = int(peer.recv(16))
    peer.sendall(str(other + 1).encode())
    print("sum", other + 1, flush=True)
else:
    deadline = time.time() + 60
    while True:
        try:
            peer = socket.create_connection((os.environ["MASTER_ADDR"], port), 5)
            break
        except OSError:
            if time.time() > deadline:
                raise
            time.sleep(0.2)
    peer.sendall(b"41")
    print("sum", int(peer.recv(16)), flush=True)
PY
python3 /tmp/exchange.py
"""


def test_two_replicas_find_each_other_and_exchange_data(story: Story) -> None:
    job_id = story.submit(EXCHANGE, kind="distributed", nodes=2)
    job = story.until(job_id, "finished", "failed", "error")
    replicas = {replica["name"]: replica["phase"] for replica in job["replicas"]}
    assert job["status"] == "finished", job
    assert replicas == {"worker-0": "succeeded", "worker-1": "succeeded"}
    story.nothing_left(job_id)
    for replica in replicas:
        url = f"{story.portal.url}/api/v1/jobs/{job_id}/logs?pod={replica}"
        request = urllib.request.Request(url, headers=story.portal.authorization())
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert "sum 42" in answer.read().decode()


def test_a_lost_node_puts_its_job_back_in_the_queue(story: Story, rig: Rig) -> None:
    job_id = story.submit("echo attempt $AOLI_ATTEMPT; sleep 600")
    story.until(job_id, "running")
    rig.kube("stop", "kubelet1", "--kill")
    try:
        job = story.until(job_id, "queued")
        assert job["retries"] == 1
        reason = eventually(
            lambda: (found := story.job(job_id)["reason"])["code"] == "node_unavailable" and found,
            DEADLINE_S,
            what="the reason",
        )
        assert reason["not_ready"] == 1
    finally:
        rig.kube("start", "kubelet1")
    story.until(job_id, "running", attempts=2)
    story.portal.call("POST", f"/jobs/{job_id}/kill")
    story.until(job_id, "killed")
    story.nothing_left(job_id)
