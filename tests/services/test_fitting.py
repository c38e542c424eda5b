"""Jobs that a quota or a limit can never hold: refused, told of, and never confused with a wait."""

from __future__ import annotations

from typing import Any

import pytest
from house import BOTH_DATABASES, GPU, House, actor, body, in_session

from portal.domain.errors import InvalidSpec
from portal.models.db import session
from portal.services.vcs.editing import Modified
from portal.services.vcs.fitting import unfit

pytestmark = BOTH_DATABASES


def modify(house: House, **fields: Any) -> Modified:
    with session():
        return house.portal.vc_editor.modify(actor("root"), "vision", fields)


def held_up(house: House) -> dict[str, str]:
    """A running job is in nobody's way: these wait, are paused, or belong to another VC."""
    made = {}
    for name, fields in {
        "small": {"devices": 1},
        "waits": {"devices": 3},
        "paused": {"devices": 4},
        "soft": {"devices": 4, "preemptible": True},
        "cpu": {"device_type": None},
        "elsewhere": {"devices": 4, "vc": "platform"},
    }.items():
        house.advance(1)
        made[name] = house.submit("alice", **{"device_type": GPU, "name": name, **fields})
    with session():
        house.portal.jobs.act(actor("alice"), made["paused"], "pause")
    return made


def why(house: House, job_id: str) -> dict[str, Any]:
    with session():
        found: dict[str, Any] = house.portal.jobs.get(actor("alice"), job_id)
    return found


def test_a_cut_says_which_waiting_and_paused_jobs_will_never_start(house: House) -> None:
    made = held_up(house)
    changed = modify(house, quota={GPU: 2})
    assert changed.vc.quota == {GPU: 2}
    assert [job.id for job in changed.unfit.jobs] == [
        made[name] for name in ("waits", "paused", "soft")
    ]
    assert changed.unfit.total == 3
    changed = modify(house, user_limit={GPU: 0})
    assert [job.name for job in changed.unfit.jobs] == ["small", "waits", "paused", "soft"]
    assert modify(house, max_run_time_s=60).unfit.total == 0


def test_a_borrower_is_bound_by_the_limit_alone(house: House) -> None:
    made = held_up(house)
    with session():
        by_quota = unfit("vision", {GPU: 2}, {}, "cluster")
        by_limit = unfit("vision", {GPU: 8}, {GPU: 3}, "cluster")
    assert [job.id for job in by_quota.jobs] == [made["waits"], made["paused"]]
    assert [job.id for job in by_limit.jobs] == [made["paused"], made["soft"]]


def test_such_a_job_says_so_until_there_is_room_for_it(house: House) -> None:
    job_id = house.submit("alice", device_type=GPU, devices=4)
    modify(house, quota={GPU: 2})
    house.work()
    found = why(house, job_id)
    assert found["reason"] == {
        "code": "vc_quota_too_small",
        "message": f"It needs 4 {GPU}, but the virtual cluster's quota is 2.",
        "device_type": GPU,
        "needed": 4,
        "quota": 2,
    }
    assert found["remedy"].startswith("It starts only with a larger quota")
    modify(house, quota={GPU: 4}, user_limit={GPU: 3})
    in_session(house.portal.admitter.admit)()
    assert why(house, job_id)["reason"]["code"] == "user_limit_too_small"
    modify(house, user_limit={})
    house.work()
    assert house.state(job_id) == "scheduling"


@pytest.mark.parametrize(
    ("asked", "field", "says"),
    [
        ({"devices": 3}, "devices", "One user may hold at most 2"),
        ({"devices": 1, "nodes": 3, "kind": "distributed"}, "nodes", "3 devices in all are more"),
        ({"devices": 3, "nodes": 1, "kind": "distributed"}, "devices", "at most 2"),
    ],
)
def test_more_than_one_user_may_hold_is_refused_at_its_field(
    house: House, asked: dict[str, Any], field: str, says: str
) -> None:
    modify(house, user_limit={GPU: 2})
    with session(), pytest.raises(InvalidSpec) as refused:
        house.portal.jobs.submit(actor("alice"), body(device_type=GPU, **asked))
    assert list(refused.value.errors) == [field]
    assert says in str(refused.value.errors[field][0])
    house.submit("alice", device_type=GPU, devices=2)
    house.submit("alice", devices=0)
