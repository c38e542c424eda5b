"""The cluster at this moment (spec E1, E4), and cordoning."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from house import BOTH_DATABASES, GPU, NPU, House, actor

from portal.domain.errors import Forbidden, NotFound, TemporaryFailure
from portal.domain.permission import Actor
from portal.models import AuditRow, db
from portal.models.db import session
from portal.services.cluster import status as cluster_status
from portal.services.cluster.cordoning import Cordoner
from portal.services.vcs import reading as virtual_clusters

pytestmark = BOTH_DATABASES


@pytest.fixture
def cordoner(house: House) -> Cordoner:
    return Cordoner(house.cluster, house.queue, house.events, lambda: house.now)


def lines(vc: str = "vision") -> list[tuple[object, ...]]:
    """Type, devices, unschedulable, used, preemptible, available, jobs."""
    with session():
        holding = cluster_status.holds()
        found = cluster_status.vc_devices(
            virtual_clusters.get(vc), cluster_status.node_uses("lab", holding), holding
        )
    return [astuple(line) for line in found]


def test_an_empty_virtual_cluster(house: House) -> None:
    assert lines() == [(GPU, 4, 0, 0, 0, 4, 0)]
    assert lines("platform") == [(NPU, 8, 0, 0, 0, 8, 0), (GPU, 4, 0, 0, 0, 4, 0)]


def test_used_includes_what_is_preemptible(house: House) -> None:
    house.run(device_type=GPU, devices=1)
    house.run("bob", device_type=GPU, devices=2, preemptible=True)
    house.run()
    assert lines() == [(GPU, 4, 0, 3, 2, 1, 2)]
    assert lines("platform")[1] == (GPU, 4, 0, 0, 0, 4, 0)


def test_what_is_on_a_cordoned_node_stays_and_the_rest_is_unschedulable(
    house: House, cordoner: Cordoner
) -> None:
    house.run(device_type=GPU, devices=1)
    with session():
        cordoner.set_cordoned(actor("root"), "node-1", True)
    assert lines() == [(GPU, 4, 3, 1, 0, 0, 1)]
    waiting = house.submit(device_type=GPU, devices=1)
    house.work()
    assert house.state(waiting) == "queued"
    with session():
        cordoner.set_cordoned(actor("root"), "node-1", False)
    house.work()
    assert house.state(waiting) == "scheduling"
    assert lines() == [(GPU, 4, 0, 2, 0, 2, 2)]


def test_other_virtual_clusters_can_leave_less_than_the_quota(house: House) -> None:
    house.run("carol", vc="platform", device_type=GPU, devices=4)
    with session():
        holding = cluster_status.holds()
        uses = cluster_status.node_uses("lab", holding)
    assert [(use.node.name, use.used, use.available) for use in uses] == [
        ("node-1", 4, 4),
        ("node-2", 0, 8),
    ]


def test_pods_say_whose_they_are_and_where(house: House) -> None:
    first = house.run(device_type=GPU, devices=2, name="first")
    house.advance(1)
    second = house.run(
        "bob", kind="distributed", nodes=2, device_type=GPU, devices=1, preemptible=True
    )
    with session():
        use = cluster_status.node_uses("lab")[0]
    assert [(pod.hold.job_id, pod.hold.username, pod.devices) for pod in use.pods] == [
        (first, "alice", (0, 1)),
        (second, "bob", (2,)),
        (second, "bob", (3,)),
    ]
    assert (use.used, use.preemptible_used, use.available, use.status) == (4, 2, 4, "ready")
    assert [use.owners[index].name for index in (0, 1, 2, 3)] == ["first", "first"] + ["train"] * 2


def test_virtual_clusters_side_by_side(house: House) -> None:
    house.run(device_type=GPU, devices=3)
    house.submit(device_type=GPU, devices=3)
    with session():
        loads = cluster_status.vc_loads(virtual_clusters.list_all(), cluster_status.holds())
    assert [(one.name, dict(one.used), one.active, one.queued) for one in loads] == [
        ("platform", {}, 0, 0),
        ("vision", {GPU: 3}, 1, 1),
    ]


def test_who_may_look_at_which_virtual_cluster(house: House) -> None:
    viewer = Actor(3, "carol", frozenset({"view_cluster"}))
    with session():
        assert cluster_status.resolve(viewer, None).name == "platform"
        with pytest.raises(NotFound):
            cluster_status.resolve(viewer, "vision")
        assert cluster_status.resolve(actor("root"), "vision").name == "vision"
        with pytest.raises(Forbidden):
            cluster_status.resolve(actor("alice"), None)


def test_cordoning_is_audited_once_and_told(house: House, cordoner: Cordoner) -> None:
    with session():
        cordoner.set_cordoned(actor("root"), "node-2", True)
        cordoner.set_cordoned(actor("root"), "node-2", True)
        entries = [(row.actor, row.action, row.object) for row in AuditRow.select()]
        assert entries == [("root", "node.cordon", "node-2")]
        use = cluster_status.node_uses("lab")[1]
    assert (use.status, use.available) == ("cordoned", 0)
    assert house.cluster.nodes()[1].cordoned


def test_who_may_cordon(house: House, cordoner: Cordoner) -> None:
    with session():
        with pytest.raises(Forbidden):
            cordoner.set_cordoned(actor("mona"), "node-1", True)
        with pytest.raises(NotFound):
            cordoner.set_cordoned(actor("root"), "node-9", True)
        house.cluster.unreachable = True
        with pytest.raises(TemporaryFailure):
            cordoner.set_cordoned(actor("root"), "node-1", True)
        assert AuditRow.select().count() == 0


def test_no_connection_is_held_while_the_cluster_is_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []
    cordon = house.cluster.set_cordoned

    def looking(name: str, cordoned: bool) -> None:
        held.append(not db.database.is_closed())
        cordon(name, cordoned)

    monkeypatch.setattr(house.cluster, "set_cordoned", looking)
    with session():
        house.portal.cordoner.set_cordoned(actor("root"), "node-1", True)
    assert held == [False]
