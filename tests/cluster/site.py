"""A portal of a test's own on the cluster, and what a test asks of both."""

from __future__ import annotations

import contextlib
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually

from .conftest import Rig

GPU, NPU = "nvidia_gpu_amd64", "huawei_npu_arm64"
DEADLINE_S = 120.0
_GOES_ON = ("queued", "scheduling", "running", "preempting", "pausing", "paused", "killing")


class Site:
    """A portal on the cluster; its jobs ask for ``device_type`` unless they say otherwise."""

    device_type = GPU

    def __init__(self, portal: RunningPortal, api: KubernetesApi, namespace: str, image: str):
        self.portal, self.api, self.namespace, self.image = portal, api, namespace, image

    def submit(self, command: str, **fields: Any) -> str:
        given = {"image": self.image, "device_type": self.device_type}
        return self.portal.submit(command, **{**given, **fields})

    def until(self, job_id: str, state: str, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            job: dict[str, Any] = self.portal.call("GET", f"/jobs/{job_id}")
            assert job["status"] in (state, *_GOES_ON), job
            return job if job["status"] == state else None

        found = eventually(
            there, deadline_s, what=f"{state}: {self.portal.call('GET', f'/jobs/{job_id}')}"
        )
        assert found is not None
        return found

    def ended(self, job_id: str, state: str, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        """Wait until it has ended so and nothing is left of it: its output is whole then."""
        job = self.until(job_id, state, deadline_s)
        self.nothing_left(job_id)
        return job

    def output(self, job_id: str, replica: str) -> str:
        url = f"{self.portal.url}/api/v1/jobs/{job_id}/logs?download=1&pod={replica}"
        request = urllib.request.Request(url, headers=self.portal.authorization())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def pods(self) -> list[dict[str, Any]]:
        with contextlib.suppress(Refusal):  # the namespace is made by the first launch
            return self.api.pages(f"/api/v1/namespaces/{self.namespace}/pods", {})[0]
        return []

    def objects(self, kind: str, job_id: str) -> list[dict[str, Any]]:
        path = f"/api/v1/namespaces/{self.namespace}/{kind}"
        query = {"labelSelector": f"{naming.LABEL_JOB}={job_id}"}
        items: list[dict[str, Any]] = self.api.call("GET", path, query=query)["items"]
        return items

    def nothing_left(self, job_id: str) -> None:
        kinds = ("pods", "services", "secrets", "configmaps")
        eventually(
            lambda: not any(self.objects(kind, job_id) for kind in kinds),
            DEADLINE_S,
            what=f"nothing is left of {job_id}",
        )

    def quota(self, device_type: str | None = None) -> int:
        """Of the VC that the first look at the nodes makes."""
        found = self.portal.call("GET", "/vcs")["items"]
        return sum(int(vc["quota"].get(device_type or self.device_type, 0)) for vc in found)


@contextlib.contextmanager
def opened(rig: Rig, api: KubernetesApi, folder: Path, **more: str) -> Iterator[Site]:
    namespace = f"aoli-share-{uuid.uuid4().hex[:8]}"
    settings = {
        "KUBECONFIG": rig.kubeconfig,
        "AOLI_CLUSTER": "kubernetes",
        "AOLI_NAMESPACE": namespace,
        "AOLI_STORAGE_ROOT": str(folder / "storage"),
        **more,
    }
    try:
        with RunningPortal(folder, **settings) as portal:
            yield Site(portal, api, namespace, rig.image)
    finally:
        with contextlib.suppress(Refusal):
            api.call("DELETE", f"/api/v1/namespaces/{namespace}")
