"""A portal that runs its jobs on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import GPU, in_session
from local_lab import Lab

from portal import wiring
from portal.models import VcRow, db
from portal.models.db import session
from portal.settings import Settings
from portal.testing import FakeEvents, FakeQueue


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    settings = Settings(
        data_dir=tmp_path / "data",
        secret_key="a key of tests, long enough for HMAC",
        cluster_name="lab",
        local_devices={GPU: 1},
    )
    settings.data_dir.mkdir(parents=True)
    queue = FakeQueue()
    portal = wiring.connect(settings, queue=queue, events=FakeEvents())
    queue.tasks = {
        "admit": in_session(portal.admitter.admit),
        "drive": in_session(portal.driver.drive),
        "sweep": in_session(lambda job_id, number: portal.passes.sweep(job_id, int(number))),
    }
    wiring.upgrade(portal)
    with session():
        VcRow.update(preempt_grace_s=20).execute()
    yield Lab(portal, queue)
    for ref in portal.cluster.observe_all():
        portal.cluster.remove(ref, force=True)
    db.close()
