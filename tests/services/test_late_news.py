"""Two look at the cluster, and the one who saw less writes last."""

from __future__ import annotations

from dataclasses import replace

import pytest
from house import BOTH_DATABASES, House

from portal.domain.launch import ReplicaPhase
from portal.models import ReplicaRow
from portal.models.db import session
from portal.services.records import job_store


@BOTH_DATABASES
@pytest.mark.parametrize("known", [True, False], ids=["read after", "read before"])
def test_a_replica_that_has_ended_does_not_run_again(
    house: House, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = house.run()
    earlier = house.cluster.observe(house.ref(job_id))
    assert [one.phase for one in earlier.replicas] == [ReplicaPhase.RUNNING]
    house.end(job_id)
    if not known:  # the other one wrote between our read and our write
        monkeypatch.setattr(job_store, "_is_older", lambda phase, kept: False)
    with session():
        job_store.save_replicas(earlier)
        row = ReplicaRow.get(ReplicaRow.job == job_id)
        assert (row.phase, row.exit_code) == ("succeeded", 0)


@BOTH_DATABASES
def test_a_replica_that_was_lost_may_be_found_again(house: House) -> None:
    job_id = house.run()
    running = house.cluster.observe(house.ref(job_id))
    lost = replace(
        running,
        replicas=tuple(replace(one, phase=ReplicaPhase.LOST) for one in running.replicas),
    )
    with session():
        for seen in (lost, running):
            assert job_store.save_replicas(seen)
        assert ReplicaRow.get(ReplicaRow.job == job_id).phase == "running"
