"""Sharing a real Kubernetes: a thousand jobs on simulated nodes, two nodes that talk, preemption.

What is above quota is looked for in the API server's pods, not in the portal's own books.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually

from .conftest import Rig

pytestmark = pytest.mark.kubernetes

GPU, RESOURCE = "nvidia_gpu_amd64", "nvidia.com/gpu"
DEADLINE_S = 120.0
SIM_NODES, PER_NODE, JOBS = 100, 8, 1000
QUOTAS = {"platform": 120, "vision": 80}
"""Far below the 800 devices, so that the quotas are what keeps jobs waiting."""
MERGE = "application/merge-patch+json"
ALL_REDUCE = r"""
python3 - <<'END'
import json, os, socket, struct, time
rank, port = int(os.environ["AOLI_RANK"]), int(os.environ["MASTER_PORT"])
mine = [float((rank + 1) * i) for i in range(1000)]

def take(link):
    size = struct.unpack("!I", link.recv(4, socket.MSG_WAITALL))[0]
    return json.loads(link.recv(size, socket.MSG_WAITALL))

def give(link, values):
    text = json.dumps(values).encode()
    link.sendall(struct.pack("!I", len(text)) + text)

if rank == 0:
    door = socket.create_server(("0.0.0.0", port))
    link, peer = door.accept()
    total = [a + b for a, b in zip(mine, take(link))]
    give(link, total)
else:
    for _ in range(200):
        try:
            link = socket.create_connection((os.environ["MASTER_ADDR"], port), 5)
            break
        except OSError:
            time.sleep(0.1)
    give(link, mine)
    total = take(link)
assert total == [3.0 * i for i in range(1000)], total[:5]
print("sum", sum(total), "of", os.environ["PET_NNODES"], "nodes on", os.environ["AOLI_HOSTS"])
END
"""
TRAINING = """
if [ -f /job/saved ]; then echo "attempt $AOLI_ATTEMPT goes on from $(cat /job/saved)"; exit; fi
trap 'cp "$AOLI_NOTICE" /job/heard; echo step-7 > /job/saved; exit 0' TERM
echo ready
while :; do sleep 0.1; done
"""


class Site:
    """A portal on the cluster."""

    def __init__(self, portal: RunningPortal, api: KubernetesApi, namespace: str, image: str):
        self.portal, self.api, self.namespace, self.image = portal, api, namespace, image

    def submit(self, command: str, **fields: Any) -> str:
        return self.portal.submit(command, **{"image": self.image, "device_type": GPU, **fields})

    def until(self, job_id: str, state: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            job: dict[str, Any] = self.portal.call("GET", f"/jobs/{job_id}")
            return job if job["status"] == state else None

        found = eventually(
            there, DEADLINE_S, what=f"{state}: {self.portal.call('GET', f'/jobs/{job_id}')}"
        )
        assert found is not None
        return found

    def output(self, job_id: str, replica: str) -> str:
        url = f"{self.portal.url}/api/v1/jobs/{job_id}/logs?download=1&pod={replica}"
        request = urllib.request.Request(url, headers=self.portal.authorization())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def pods(self) -> list[dict[str, Any]]:
        with contextlib.suppress(Refusal):  # the namespace is made by the first launch
            return self.api.pages(f"/api/v1/namespaces/{self.namespace}/pods", {})[0]
        return []

    def quota(self) -> int:
        """Of the VC that the first look at the nodes makes."""
        found = self.portal.call("GET", "/vcs")["items"]
        return sum(int(vc["quota"].get(GPU, 0)) for vc in found)


@contextlib.contextmanager
def opened(rig: Rig, api: KubernetesApi, folder: Path) -> Iterator[Site]:
    namespace = f"aoli-share-{uuid.uuid4().hex[:8]}"
    settings = {
        "KUBECONFIG": rig.kubeconfig,
        "AOLI_CLUSTER": "kubernetes",
        "AOLI_NAMESPACE": namespace,
        "AOLI_STORAGE_ROOT": str(folder / "storage"),
    }
    try:
        with RunningPortal(folder, **settings) as portal:
            yield Site(portal, api, namespace, rig.image)
    finally:
        with contextlib.suppress(Refusal):
            api.call("DELETE", f"/api/v1/namespaces/{namespace}")


class Kubelets(threading.Thread):
    """Ends running simulated pods, and looks at what is given out at each moment."""

    def __init__(self, site: Site, vc_of: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.site, self.vc_of = site, vc_of
        self.enough = threading.Event()
        self.samples = 0
        self.most: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        """Until it is told that it is enough."""
        seen: dict[str, float] = {}
        while not self.enough.is_set():
            pods = self.site.pods()
            self._look(pods)
            for pod in pods:
                running = pod["status"].get("phase") == "Running"
                if running and "deletionTimestamp" not in pod["metadata"]:
                    name = pod["metadata"]["name"]
                    if time.monotonic() - seen.setdefault(name, time.monotonic()) > 1:
                        self._end(name)

    def _look(self, pods: list[dict[str, Any]]) -> None:
        nodes: Counter[str] = Counter()
        vcs: Counter[str] = Counter()
        for pod in pods:
            if pod["status"].get("phase") in ("Succeeded", "Failed"):
                continue
            asked = int(pod["spec"]["containers"][0]["resources"]["limits"].get(RESOURCE, 0))
            nodes[pod["spec"].get("nodeName", "nowhere")] += asked
            vcs[self.vc_of[pod["metadata"]["labels"][naming.LABEL_JOB]]] += asked
        self.samples += 1
        self.wrong += [f"{node} gave {n}" for node, n in nodes.items() if n > PER_NODE]
        self.wrong += [f"{vc} has {n}" for vc, n in vcs.items() if n > QUOTAS[vc]]
        self.most |= vcs

    def _end(self, name: str) -> None:
        path = f"/api/v1/namespaces/{self.site.namespace}/pods/{name}/status"
        with contextlib.suppress(Refusal):  # it has gone meanwhile
            self.site.api.call(
                "PATCH", path, body={"status": {"phase": "Succeeded"}}, content_type=MERGE
            )


@pytest.fixture
def simulated(rig: Rig, api: KubernetesApi) -> Iterator[None]:
    """100 nodes with 8 GPUs each."""
    device = f"{RESOURCE}={PER_NODE}"
    rig.kube("sim", "--nodes", str(SIM_NODES), "--device", device, "--prefix", "share")
    yield
    for number in range(1, SIM_NODES + 1):
        with contextlib.suppress(Refusal):
            api.call("DELETE", f"/api/v1/nodes/share-{number}")


@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("simulated")
def test_a_thousand_jobs_come_to_their_end(rig: Rig, api: KubernetesApi, tmp_path: Path) -> None:
    chance = random.Random(7)
    vc_of: dict[str, str] = {}
    with opened(rig, api, tmp_path) as site:
        eventually(
            lambda: site.quota() == SIM_NODES * PER_NODE, DEADLINE_S, what="all devices are seen"
        )
        call = site.portal.call
        call("PATCH", "/vcs/platform", {"quota": {GPU: QUOTAS["platform"]}})
        call("POST", "/vcs", {"name": "vision", "quota": {GPU: QUOTAS["vision"]}})
        wanted = [
            {
                "vc": chance.choice(list(QUOTAS)),
                "devices": chance.choice([1, 1, 2, 4, 8]),
                "preemptible": chance.random() < 0.3,
                "priority": chance.randint(1, 1000),
            }
            for _ in range(JOBS)
        ]
        site.portal.authorization()
        begun = time.monotonic()
        with ThreadPoolExecutor(4) as many:
            ids = list(many.map(lambda fields: site.submit("sleep 1", **fields), wanted))
        vc_of.update(zip(ids, (str(fields["vc"]) for fields in wanted), strict=True))
        submitted = time.monotonic() - begun
        kubelets = Kubelets(site, vc_of)
        kubelets.start()

        def finished() -> bool:
            page = call("GET", "/jobs?status=finished&limit=1")
            return page["total"] == JOBS or bool(kubelets.wrong)

        eventually(finished, 1200, what="all jobs are finished")
        took = time.monotonic() - begun
        kubelets.enough.set()
        kubelets.join(30)
        attempts = sum(job["attempts"] for job in site.portal.jobs())
        print(
            f"{JOBS} jobs submitted in {submitted:.0f} s, all finished after {took:.0f} s;"
            f" {attempts} starts; {kubelets.samples} looks at the API server,"
            f" at most given out: {dict(kubelets.most)}"
        )
        assert kubelets.wrong == []
        assert kubelets.samples > 20
        assert all(kubelets.most[vc] > quota * 0.8 for vc, quota in QUOTAS.items())
        eventually(lambda: not site.pods(), DEADLINE_S, what="nothing is left")


@pytest.fixture
def two_nodes(rig: Rig, api: KubernetesApi) -> Iterator[None]:
    """Two real nodes, each with one (declared) GPU."""
    before = {node["metadata"]["name"] for node in api.pages("/api/v1/nodes", {})[0]}
    rig.kube("up", "--nodes", "2")
    for node in ("node1", "node2"):
        rig.kube("device", node, f"{RESOURCE}=1")
    yield
    rig.kube("device", "node1", f"{RESOURCE}=1", "--remove")
    if "node2" in before:
        rig.kube("device", "node2", f"{RESOURCE}=1", "--remove")
        return
    rig.kube("stop", "kubelet2", "containerd2")
    with contextlib.suppress(Refusal):
        api.call("DELETE", "/api/v1/nodes/node2")


@pytest.fixture
def pair(
    rig: Rig, api: KubernetesApi, tmp_path: Path, two_nodes: None
) -> Iterator[Callable[[], Site]]:
    """A portal that sees both."""
    with opened(rig, api, tmp_path) as site:
        eventually(lambda: site.quota() == 2, DEADLINE_S, what="both devices are seen")
        yield lambda: site


def test_two_replicas_on_two_nodes_add_up_over_the_network(pair: Callable[[], Site]) -> None:
    site = pair()
    job_id = site.submit(ALL_REDUCE, kind="distributed", nodes=2, devices=1)
    job = site.until(job_id, "finished")
    replicas = site.portal.call("GET", f"/jobs/{job_id}")["replicas"]
    assert {replica["node"] for replica in replicas} == {"node1", "node2"}
    assert (job["exit_code"], job["attempts"]) == (0, 1)
    for replica in ("worker-0", "worker-1"):
        assert f"sum {3.0 * sum(range(1000))} of 2 nodes" in site.output(job_id, replica)


def test_one_replicas_failure_ends_the_job_with_its_reason(pair: Callable[[], Site]) -> None:
    site = pair()
    command = 'if [ "$AOLI_RANK" = 1 ]; then sleep 2; exit 5; fi; sleep 600'
    job_id = site.submit(command, kind="distributed", nodes=2, devices=1)
    job = site.until(job_id, "failed")
    assert (job["exit_code"], job["reason"]["replica"]) == (5, "worker-1")
    eventually(lambda: not site.pods(), DEADLINE_S, what="the other replica has gone too")


def test_a_preempted_training_saves_and_goes_on(pair: Callable[[], Site], tmp_path: Path) -> None:
    site = pair()
    site.portal.call("PATCH", "/vcs/platform", {"quota": {GPU: 1}})
    training = site.submit(TRAINING, devices=1, preemptible=True)
    job = site.until(training, "running")
    eventually(
        lambda: "ready" in site.output(training, "main"), DEADLINE_S, what="the training is ready"
    )
    urgent = site.submit("echo urgent", devices=1)
    site.until(urgent, "finished")
    done = site.until(training, "finished")
    assert done["attempts"] == 2
    heard = json.loads((Path(job["job_path"]) / "heard").read_text())
    assert (heard["action"], heard["attempt"]) == ("preempt", 1)
    assert "attempt 2 goes on from step-7" in site.output(training, "main")
