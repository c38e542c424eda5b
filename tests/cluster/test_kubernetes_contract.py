"""The ``Cluster`` contract, word for word, on a real Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi
from portal.adapters.kubernetes.cluster import KubernetesCluster
from portal.domain.job import AttemptRef
from portal.ports import Cluster
from portal.testing.cluster_contract import ClusterContract

pytestmark = pytest.mark.kubernetes


class TestKubernetesCluster(ClusterContract):
    deadline_s = 60
    supports_images = True
    image = "train:local"

    @pytest.fixture(autouse=True)
    def _on_the_rig(self, rig, api: KubernetesApi, namespace: str) -> None:
        self.image = rig.image
        self.supports_mounts = rig.own
        self._api = api
        self._namespace = namespace

    @pytest.fixture
    def cluster(self, cluster: KubernetesCluster) -> Iterator[Cluster]:
        return cluster

    def node(self, cluster: Cluster) -> str:
        return next(n.name for n in cluster.nodes() if n.schedulable and not n.simulated)

    def lose(self, cluster: Cluster, ref: AttemptRef, replica: str) -> None:
        name = naming.pod_name(ref, replica)
        self._api.call(
            "DELETE",
            f"/api/v1/namespaces/{self._namespace}/pods/{name}",
            body={"gracePeriodSeconds": 1},
        )

    def storage(self, tmp_path: Path) -> Path:
        return tmp_path / "storage"
