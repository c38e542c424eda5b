"""A shortage as everybody sees it: administrators, the users of a VC, and who waits."""

from __future__ import annotations

from house import BOTH_DATABASES, GPU, NPU, House, actor, body

from portal.models.db import session
from portal.services.cluster import status as cluster_status
from portal.services.vcs import reading as virtual_clusters
from portal.testing import a_node

pytestmark = BOTH_DATABASES


def nodes(house: House, *, closed: int, of: int = 4) -> None:
    """``of`` nodes with 2 GPUs each, the last ones cordoned; the quotas are 4 and 4."""
    every = [a_node(f"gpu-{n}", devices=2, cordoned=n >= of - closed) for n in range(of)]
    house.cluster.set_nodes(*every, a_node("npu-1", device_type=NPU))
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())


def usable(vc: str) -> int:
    with session():
        return virtual_clusters.get(vc).usable_quota[GPU]


def test_without_a_shortage_the_quota_is_usable(house: House) -> None:
    nodes(house, closed=0)
    assert (usable("vision"), usable("platform")) == (4, 4)
    with session():
        assert virtual_clusters.get("platform").usable_quota == {GPU: 4, NPU: 8}


def test_a_shortage_is_shared_and_shown(house: House) -> None:
    nodes(house, closed=2)
    assert (usable("vision"), usable("platform")) == (2, 2)
    with session():
        holding = cluster_status.holds()
        uses = cluster_status.node_uses("lab", holding)
        line = cluster_status.vc_devices(virtual_clusters.get("vision"), uses, holding)[0]
    assert (line.devices, line.unschedulable, line.available) == (4, 2, 2)


def test_a_node_that_is_gone_is_missing_too(house: House) -> None:
    nodes(house, closed=0, of=3)
    assert usable("vision") + usable("platform") == 6


def test_who_waits_is_told_the_numbers_before_and_after_submitting(house: House) -> None:
    nodes(house, closed=2)
    fields = {"device_type": GPU, "devices": 1}
    for _ in range(2):
        house.run(**fields)
    with session():
        asked = house.portal.jobs.preview(actor("alice"), body(**fields))
    waiting = house.submit(**fields)
    house.work()
    with session():
        told = house.portal.jobs.get(actor("alice"), waiting)
    assert asked.reason is not None
    assert told["reason"] == asked.reason.dump()
    numbers = {"used": 2, "quota": 4, "usable": 2, "needed": 1, "cordoned": 2, "given": 8}
    assert told["reason"] | numbers == told["reason"]
    assert told["reason"]["code"] == "vc_shortage"
    assert "nodes take jobs again" in told["remedy"]


def test_the_other_virtual_cluster_gets_its_part(house: House) -> None:
    nodes(house, closed=2)
    for _ in range(4):
        house.submit(device_type=GPU, devices=1)
    other = house.submit("carol", vc="platform", device_type=GPU, devices=2)
    house.work()
    assert house.state(other) == "scheduling"


def test_nobody_is_thrown_out_and_it_ends_with_its_cause(house: House) -> None:
    nodes(house, closed=0)
    running = [house.run(device_type=GPU, devices=1) for _ in range(3)]
    nodes(house, closed=3)
    waiting = house.submit(device_type=GPU, devices=1)
    house.work()
    assert [house.state(job) for job in running] == ["running"] * 3
    assert house.state(waiting) == "queued"
    nodes(house, closed=0)
    with session():
        assert house.portal.jobs.get(actor("alice"), waiting)["reason"]["code"] == "new"
    house.work()
    assert house.state(waiting) == "scheduling"
