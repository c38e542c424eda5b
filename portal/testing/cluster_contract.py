"""The conformance kit of the ``Cluster`` port: subclass, give it a cluster, run pytest.

::

    class TestMyCluster(ClusterContract):
        deadline_s = 60
        image = "registry.local/busybox:1"

        @pytest.fixture
        def cluster(self) -> Iterator[Cluster]:
            yield MyCluster(...)

Flags say what the adapter can do, hooks how to do what the port cannot. The commands need a
POSIX shell with ``echo``, ``printf``, ``sleep`` and ``cat`` only. Tests never meet on a
shared cluster: each has its own job ids and takes away what it launched.
"""

from __future__ import annotations

from portal.testing.cluster_contract_life import LifeTests
from portal.testing.cluster_contract_output import OutputTests
from portal.testing.cluster_contract_view import ViewTests


class ClusterContract(LifeTests, ViewTests, OutputTests):
    """What every :class:`~portal.ports.Cluster` must do.

    The flags and hooks are in :class:`~portal.testing.cluster_contract_words.ContractWords`.
    """
