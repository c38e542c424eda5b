"""For tests, ours and those of plugin authors: builders, fakes of the ports, contracts.

Contracts need pytest and are imported from their own modules
(``portal.testing.cluster_contract``); everything else is here.
"""

from portal.testing.builders import (
    NOON,
    a_job,
    a_job_id,
    a_launch,
    a_mount,
    a_node,
    a_ref,
    a_replica,
    a_spec,
    an_observation,
)
from portal.testing.fake_cluster import FakeCluster
from portal.testing.fake_events import FakeEvents
from portal.testing.fake_mailer import FakeMailer
from portal.testing.fake_queue import FakeQueue, QueuedCall
from portal.testing.recording import RecordingListener
from portal.testing.waiting import eventually

__all__ = [
    "NOON",
    "FakeCluster",
    "FakeEvents",
    "FakeMailer",
    "FakeQueue",
    "QueuedCall",
    "RecordingListener",
    "a_job",
    "a_job_id",
    "a_launch",
    "a_mount",
    "a_node",
    "a_ref",
    "a_replica",
    "a_spec",
    "an_observation",
    "eventually",
]
