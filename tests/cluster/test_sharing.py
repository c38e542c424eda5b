"""Sharing a real Kubernetes: a thousand jobs on simulated nodes, preemption on a real one.

What is above quota is looked for in the API server's pods, not in the portal's own books.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.testing.waiting import eventually

from .conftest import Rig
from .site import DEADLINE_S, GPU, NPU, Site, opened

pytestmark = pytest.mark.kubernetes

RESOURCES = {GPU: "nvidia.com/gpu", NPU: "huawei.com/Ascend910"}
NODES = {GPU: 60, NPU: 40}
PER_NODE, RING, JOBS = 8, 4, 1000
QUOTAS = {"platform": {GPU: 70, NPU: 50}, "vision": {GPU: 50, NPU: 30}}
"""Far below the 800 devices, so that the quotas are what keeps jobs waiting."""
MERGE = "application/merge-patch+json"
TRAINING = """
if [ -f /job/saved ]; then echo "attempt $AOLI_ATTEMPT goes on from $(cat /job/saved)"; exit; fi
trap 'cp "$AOLI_NOTICE" /job/heard; echo step-7 > /job/saved; exit 0' TERM
echo ready
while :; do sleep 0.1; done
"""


class Kubelets(threading.Thread):
    """Ends running simulated pods, and looks at what is given out at each moment."""

    def __init__(self, site: Site, vc_of: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.site, self.vc_of = site, vc_of
        self.enough = threading.Event()
        self.samples = 0
        self.most: Counter[tuple[str, str]] = Counter()
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
        chips: Counter[tuple[str, str]] = Counter()
        vcs: Counter[tuple[str, str]] = Counter()
        for pod in pods:
            if pod["status"].get("phase") in ("Succeeded", "Failed"):
                continue
            asked = pod["spec"]["containers"][0]["resources"]["limits"]
            (kind,) = [one for one, resource in RESOURCES.items() if resource in asked]
            node = pod["spec"].get("nodeName")
            indexes = pod["metadata"]["annotations"]["aoli/devices"].split(",")
            if len(indexes) != int(asked[RESOURCES[kind]]):
                self.wrong.append(f"{pod['metadata']['name']}: {indexes} for {asked}")
            if node is not None:
                chips.update((node, index) for index in indexes)
            if kind == NPU and not _in_rings(indexes):
                self.wrong.append(f"{pod['metadata']['name']} has {indexes}")
            vcs[self.vc_of[pod["metadata"]["labels"][naming.LABEL_JOB]], kind] += len(indexes)
        self.samples += 1
        self.wrong += [f"{chip} was given to {n}" for chip, n in chips.items() if n > 1]
        self.wrong += [f"{vc} has {n} {kind}" for (vc, kind), n in vcs.items()
                       if n > QUOTAS[vc][kind]]  # fmt: skip
        self.most |= vcs

    def _end(self, name: str) -> None:
        path = f"/api/v1/namespaces/{self.site.namespace}/pods/{name}/status"
        with contextlib.suppress(Refusal):  # it has gone meanwhile
            self.site.api.call(
                "PATCH", path, body={"status": {"phase": "Succeeded"}}, content_type=MERGE
            )


def _in_rings(indexes: list[str]) -> bool:
    """One, two or four chips come out of one ring; eight are both."""
    rings = {int(index) // RING for index in indexes}
    return len(rings) == 1 if len(indexes) < PER_NODE else len(indexes) == PER_NODE


@pytest.fixture
def simulated(rig: Rig, api: KubernetesApi) -> Iterator[None]:
    """100 nodes with 8 devices each, of both types."""
    for kind, count in NODES.items():
        device = f"{RESOURCES[kind]}={PER_NODE}"
        rig.kube("sim", "--nodes", str(count), "--device", device, "--prefix", _prefix(kind))
    yield
    for kind, count in NODES.items():
        for number in range(1, count + 1):
            with contextlib.suppress(Refusal):
                api.call("DELETE", f"/api/v1/nodes/{_prefix(kind)}-{number}")


def _prefix(kind: str) -> str:
    return f"share-{kind[:3]}"


def _wanted(chance: random.Random) -> dict[str, Any]:
    kind = chance.choices(list(NODES), list(NODES.values()))[0]
    return {
        "vc": chance.choice(list(QUOTAS)),
        "device_type": kind,
        "devices": chance.choice([1, 1, 2, 4, 8] if kind == NPU else [1, 1, 2, 3, 8]),
        "preemptible": chance.random() < 0.4,
        "priority": chance.randint(1, 1000),
    }


@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("simulated")
def test_a_thousand_jobs_come_to_their_end(rig: Rig, api: KubernetesApi, tmp_path: Path) -> None:
    chance = random.Random(7)
    vc_of: dict[str, str] = {}
    with opened(rig, api, tmp_path) as site:
        for kind, count in NODES.items():
            eventually(
                lambda kind=kind, count=count: site.quota(kind) == count * PER_NODE,
                DEADLINE_S,
                what=f"all {kind} are seen",
            )
        call = site.portal.call
        call("PATCH", "/vcs/platform", {"quota": QUOTAS["platform"]})
        call("POST", "/vcs", {"name": "vision", "quota": QUOTAS["vision"]})
        wanted = [_wanted(chance) for _ in range(JOBS)]
        site.portal.authorization()
        kubelets = Kubelets(site, vc_of)
        begun = time.monotonic()
        with ThreadPoolExecutor(4) as many:
            ids = list(many.map(lambda fields: site.submit("sleep 1", **fields), wanted))
        vc_of.update(zip(ids, (str(fields["vc"]) for fields in wanted), strict=True))
        submitted = time.monotonic() - begun
        kubelets.start()

        def finished() -> bool:
            page = call("GET", "/jobs?status=finished&limit=1")
            return page["total"] == JOBS or bool(kubelets.wrong)

        eventually(finished, 1200, what="all jobs are finished")
        took = time.monotonic() - begun
        kubelets.enough.set()
        kubelets.join(30)
        preempted = sum(job["attempts"] - 1 for job in site.portal.jobs())
        print(
            f"{JOBS} jobs submitted in {submitted:.0f} s, all finished after {took:.0f} s;"
            f" {preempted} preempted; {kubelets.samples} looks at the API server,"
            f" at most given out: {dict(kubelets.most)}"
        )
        assert kubelets.wrong == []
        assert kubelets.samples > 20
        for vc, quota in QUOTAS.items():
            assert all(kubelets.most[vc, kind] > most * 0.8 for kind, most in quota.items())
        assert preempted > 0
        eventually(lambda: not site.pods(), DEADLINE_S, what="nothing is left")


@pytest.fixture
def one_device(rig: Rig, api: KubernetesApi, tmp_path: Path) -> Iterator[Site]:
    """A portal that sees a real node with one (declared) GPU."""
    device = f"{RESOURCES[GPU]}=1"
    rig.kube("device", "node1", device)
    try:
        with opened(rig, api, tmp_path) as site:
            eventually(lambda: site.quota() == 1, DEADLINE_S, what="the device is seen")
            yield site
    finally:
        rig.kube("device", "node1", device, "--remove")


def test_a_preempted_training_saves_and_goes_on(one_device: Site) -> None:
    site = one_device
    training = site.submit(TRAINING, devices=1, preemptible=True)
    job = site.until(training, "running")
    eventually(
        lambda: "ready" in site.output(training, "main"), DEADLINE_S, what="the training is ready"
    )
    urgent = site.submit("echo urgent", devices=1)
    site.until(urgent, "finished")
    done = site.ended(training, "finished")
    assert done["attempts"] == 2
    heard = json.loads((Path(job["job_path"]) / "heard").read_text())
    assert (heard["action"], heard["attempt"]) == ("preempt", 1)
    assert "attempt 2 goes on from step-7" in site.output(training, "main")
