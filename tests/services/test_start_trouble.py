"""Starts that fail: what waiting cannot mend ends the job, what it can gives devices back."""

from __future__ import annotations

from typing import Any

import pytest
from house import BOTH_DATABASES, GPU, House, actor

from portal.domain.errors import AoliError, MissingRight, QuotaUsedUp, TemporaryFailure
from portal.domain.moment import rfc3339
from portal.domain.reconcile import LAUNCH_TRIES, Limits
from portal.models.db import session

pytestmark = BOTH_DATABASES
PATIENCE_S = Limits().launch_patience_s


def told(house: House, job_id: str) -> dict[str, Any]:
    with session():
        found: dict[str, Any] = house.portal.jobs.get(actor("alice"), job_id)
    return found


def fail(house: House, failure: AoliError, times: int, every_s: float) -> None:
    """So many starts fail, one after the other, as the due tick asks for them."""
    for _ in range(times):
        house.cluster.refuse(failure)
        try:
            house.work()
        except TemporaryFailure:
            house.advance(every_s)
            with session():
                house.portal.passes.due()


TROUBLES = [
    (QuotaUsedUp("exceeded quota: gpus"), "cluster_quota"),
    (MissingRight('User "aoli" cannot create resource "pods"'), "missing_right"),
    (TemporaryFailure("no space left on device"), "launch_waiting"),
]


@pytest.mark.parametrize(("failure", "code"), TROUBLES)
def test_a_start_that_always_fails_gives_its_devices_to_others(
    house: House, failure: AoliError, code: str
) -> None:
    first = house.submit(device_type=GPU, devices=4)
    fail(house, failure, 2, PATIENCE_S / 2)
    assert house.state(first) == "scheduling"
    reason = told(house, first)["reason"]
    assert (reason["code"], reason["tries"], reason["detail"]) == (code, 2, failure.message)
    other = house.submit("bob", device_type=GPU, devices=4)
    fail(house, failure, 1, 0)
    # The first one gave way; the other one was admitted by the same pass and can start.
    house.work()
    job = house.job(first)
    assert (job.state, job.retries, job.released, job.placement) == ("queued", 0, True, ())
    assert house.state(other) == "scheduling"
    assert house.cluster.launches[-1].ref == house.ref(other)
    waits = told(house, first)["reason"]
    assert (waits["code"], waits["detail"]) == (code, failure.message)
    assert waits["until"] == rfc3339(job.not_before)
    # Its trouble is over when it is tried again, also after many passes that only noted it.
    house.cluster.run(house.ref(other))
    house.look()
    house.end(other)
    for _ in range(3):
        house.advance(19)
        with session():
            house.portal.admitter.admit()
        house.work()
        assert told(house, first)["reason"]["code"] == code
    house.advance(4)
    with session():
        house.portal.admitter.admit()
    house.work()
    house.cluster.run(house.ref(first))
    house.look()
    assert house.state(first) == "running"


def test_one_failure_after_a_long_silence_is_not_enough(house: House) -> None:
    job_id = house.submit(device_type=GPU, devices=4)
    fail(house, QuotaUsedUp("used up"), LAUNCH_TRIES - 1, 10 * PATIENCE_S)
    assert house.state(job_id) == "scheduling"
    fail(house, QuotaUsedUp("used up"), 1, 0)
    house.work()
    assert house.state(job_id) == "queued"


def test_a_cluster_that_is_away_altogether_keeps_everybody_in_place(house: House) -> None:
    job_id = house.submit(device_type=GPU, devices=4)
    house.cluster.unreachable = True
    for _ in range(LAUNCH_TRIES + 3):
        with pytest.raises(TemporaryFailure):
            house.work()
        house.advance(PATIENCE_S)
        with session():
            house.portal.passes.due()
    assert (house.state(job_id), house.job(job_id).attempt) == ("scheduling", 1)
    house.cluster.unreachable = False
    house.work()
    house.cluster.run(house.ref(job_id))
    house.look()
    assert house.state(job_id) == "running"


def test_who_is_killed_while_it_is_in_trouble_is_gone(house: House) -> None:
    job_id = house.submit(device_type=GPU, devices=4)
    fail(house, QuotaUsedUp("used up"), 3, PATIENCE_S)
    house.work()
    with session():
        house.portal.jobs.act(actor("alice"), job_id, "kill")
    house.work()
    assert (house.state(job_id), told(house, job_id)["reason"]["code"]) == ("killed", "user")
