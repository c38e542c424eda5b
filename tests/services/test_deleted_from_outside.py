"""A pod is deleted from outside, its command saves and exits with 0, the worker is late.

The watch's own state tells; the events are those that a real API server was seen to send.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from house import House

from portal.adapters.kubernetes.scope import Scope
from portal.adapters.kubernetes.watch_state import WatchState
from portal.domain.job import AttemptRef
from portal.models.db import session

Deletion = tuple[int, int, int | None]
"""Second of the end of the grace, its length, second at which the command ended with 0."""
NEW_SERVER: list[Deletion] = [(53, 30, None), (53, 30, 23), (24, 0, 23)]
OLD_SERVER: list[Deletion] = [(53, 30, None), (53, 30, 23), (23, 0, 23)]
WATCH_RESTARTED: list[Deletion] = [(24, 0, 23)]
ENDED_BEFORE: list[Deletion] = [(53, 30, None), (53, 30, 22), (24, 0, 22)]


def pod(house: House, ref: AttemptRef, deletion: Deletion) -> dict[str, Any]:
    def at(second: int) -> str:
        return (house.now + timedelta(seconds=second)).isoformat()

    due, grace_s, ended = deletion
    state: dict[str, Any] = {"running": {"startedAt": at(0)}}
    if ended is not None:
        state = {"terminated": {"exitCode": 0, "startedAt": at(0), "finishedAt": at(ended)}}
    return {
        "metadata": {
            "name": "main",
            "uid": "one",
            "labels": {"aoli/job": ref.job_id, "aoli/attempt": str(ref.attempt)},
            "annotations": {"aoli/replica-name": "main"},
            "deletionTimestamp": at(due),
            "deletionGracePeriodSeconds": grace_s,
        },
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": "Running" if ended is None else "Succeeded",
            "containerStatuses": [{"name": "replica", "state": state}],
        },
    }


def hear(house: House, ref: AttemptRef, events: list[Deletion]) -> None:
    """The watch tells, event by event; no worker does anything meanwhile."""
    watch = WatchState(Scope())
    for event in events:
        watch.change("pods", pod(house, ref, event), False)
        seen = watch.observed(ref, house.now)
        assert seen is not None
        with session():
            house.portal.watch_handler.attempt_changed(seen)


@pytest.mark.parametrize("events", [NEW_SERVER, OLD_SERVER, WATCH_RESTARTED])
def test_a_job_that_saved_its_work_starts_anew(house: House, events: list[Deletion]) -> None:
    job_id = house.run()
    ref = house.ref(job_id)
    hear(house, ref, events)
    assert house.state(job_id) == "running", "absence is left to a worker"
    house.cluster.vanish(ref)
    house.work()
    job = house.job(job_id)
    assert (job.state, job.attempt, job.retries) == ("scheduling", 2, 1)


def test_a_job_that_was_done_before_is_finished(house: House) -> None:
    job_id = house.run()
    hear(house, house.ref(job_id), ENDED_BEFORE)
    assert (house.state(job_id), house.job(job_id).exit_code) == ("finished", 0)
