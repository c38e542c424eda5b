"""Device use over time (spec E2, E3)."""

from __future__ import annotations

import pytest
from house import BOTH_DATABASES, GPU, NPU, House

from portal.domain.errors import InvalidSpec
from portal.domain.usage import HOUR_MS
from portal.models import VcMemberRow
from portal.models.db import session
from portal.services.usage import by_user as user_usage
from portal.services.usage import over_time as usage
from portal.services.usage.by_user import UserQuery
from portal.services.vcs import reading as virtual_clusters

HOUR_S = 3600


def page(house: House, vc: str = "vision", **query: object) -> user_usage.UserPage:
    with session():
        return user_usage.user_page(virtual_clusters.get(vc), UserQuery(**query), house.now)


def lines(found: user_usage.UserPage) -> list[tuple[object, ...]]:
    return [
        (u.username, u.device_type, u.allocated, u.allocated_preemptible, round(u.booked_hours, 6))
        for u in found.items
    ]


@BOTH_DATABASES
def test_booked_is_devices_times_hours(house: House) -> None:
    ended = house.run(device_type=GPU, devices=2)
    house.advance(HOUR_S)
    house.end(ended)
    house.advance(3 * HOUR_S)
    house.run("bob", device_type=GPU, devices=1, preemptible=True)
    house.run("bob", device_type=GPU, devices=1)
    house.advance(HOUR_S / 2)
    now = page(house)
    assert lines(now) == [("bob", GPU, 2, 1, 1.0)]
    assert (now.count, now.total.allocated, now.total.booked_hours) == (1, 2, pytest.approx(1))
    use = now.items[0]
    assert (use.idle, use.idle_hours, use.idle_percent) == (None, None, None)


@BOTH_DATABASES
def test_what_is_older_than_the_past_month_no_longer_counts(house: House) -> None:
    job_id = house.run(device_type=GPU, devices=1)
    house.advance(2 * HOUR_S)
    house.end(job_id)
    with session():
        for hours_ago, booked in ((0, 2), (30 * 24 - 1, 1), (30 * 24, 0)):
            at = house.now + (house.now - house.now)
            at = at.__class__.fromtimestamp(at.timestamp() + hours_ago * HOUR_S, at.tzinfo)
            found = usage.booked_hours("vision", at, 30 * 24 * HOUR_MS)
            assert found.get((GPU, "alice"), 0) == pytest.approx(booked), hours_ago


@BOTH_DATABASES
def test_a_series_holds_the_average_of_each_step(house: House) -> None:
    house.advance(23 * HOUR_S)
    house.run(device_type=GPU, devices=4)
    house.advance(150)
    with session():
        span = usage.span_of("24h", house.now)
        found = usage.vc_usage(virtual_clusters.get("vision"), span)
    assert [one.device_type for one in found] == [GPU]
    one = found[0]
    assert (one.quota, one.devices) == (4, 8)
    assert one.users["alice"][-2:] == [0, pytest.approx(2)]  # half of the last five minutes
    assert one.allocated == one.users["alice"]
    assert one.others == []
    assert one.hours["alice"] == pytest.approx(4 * 150 / HOUR_S)


@BOTH_DATABASES
def test_all_users_of_a_virtual_cluster_are_one_line_by_type(house: House) -> None:
    house.advance(23 * HOUR_S)
    house.run(device_type=GPU, devices=1)
    house.run("bob", device_type=GPU, devices=2)
    house.advance(HOUR_S)
    with session():
        span = usage.span_of("24h", house.now)
        found = usage.vc_lines(virtual_clusters.get("vision"), span)
        nobody = usage.vc_lines(virtual_clusters.get("platform"), span)
    assert list(found) == [GPU]
    assert (found[GPU][0], found[GPU][-1]) == (0, 3)
    assert nobody == {}


@BOTH_DATABASES
def test_the_cluster_counts_every_virtual_cluster(house: House) -> None:
    house.run("carol", vc="platform", device_type=GPU, devices=2)
    house.run(device_type=GPU, devices=1)
    house.advance(HOUR_S)
    with session():
        span = usage.span_of("1h", house.now)
        found = usage.vc_usage(virtual_clusters.get("vision"), span)[0]
    assert set(found.users) == {"alice"}
    assert found.allocated == [pytest.approx(3)] * 60


@BOTH_DATABASES
def test_users_beyond_the_first_are_one_line(house: House, monkeypatch) -> None:
    monkeypatch.setattr(usage, "TOP_USERS", 1)
    for user, devices in (("alice", 2), ("bob", 1), ("vera", 1)):
        house.run(user if user != "vera" else "bob", device_type=GPU, devices=devices)
    house.advance(HOUR_S)
    with session():
        span = usage.span_of("1h", house.now)
        found = usage.vc_usage(virtual_clusters.get("vision"), span)[0]
    assert list(found.users) == ["alice"]
    assert found.others == [pytest.approx(2)] * 60
    assert list(found.hours) == ["alice", "bob"]


@BOTH_DATABASES
def test_what_begins_in_this_very_millisecond_was_not_held_before(house: House) -> None:
    house.run(device_type=GPU, devices=4)
    with session():
        span = usage.span_of("7d", house.now)
        found = usage.vc_usage(virtual_clusters.get("vision"), span)[0]
    assert set(found.allocated) <= {0.0}


@BOTH_DATABASES
def test_an_unknown_range_is_refused(house: House) -> None:
    with pytest.raises(InvalidSpec):
        usage.span_of("1y", house.now)


@pytest.fixture
def peopled(web_house):
    """The house with the accounts of the cast; vision has four members."""
    return web_house.house


def test_all_users_are_those_who_may_use_the_virtual_cluster(peopled: House) -> None:
    peopled.run(device_type=GPU, devices=1)
    peopled.advance(HOUR_S)
    found = page(peopled, everyone=True)
    assert lines(found) == [
        ("alice", GPU, 1, 0, 1.0),
        ("bob", GPU, 0, 0, 0),
        ("mona", GPU, 0, 0, 0),
        ("vera", GPU, 0, 0, 0),
    ]
    assert found.count == 4
    assert page(peopled, everyone=True, q="O").count == 2
    assert page(peopled, everyone=True, device_type=NPU).items == []


def test_an_open_virtual_cluster_lists_everybody_with_each_type(peopled: House) -> None:
    peopled.run("carol", vc="platform", device_type=NPU, devices=8)
    found = page(peopled, "platform", everyone=True, limit=100)
    assert found.count == len(found.items) == 14
    assert lines(found)[:3] == [
        ("carol", NPU, 8, 0, 0),
        ("carol", GPU, 0, 0, 0),
        ("alice", NPU, 0, 0, 0),
    ]
    whole = lines(found)
    for size in (1, 3, 5):
        parts = [
            line
            for offset in range(0, 14, size)
            for line in lines(page(peopled, "platform", everyone=True, offset=offset, limit=size))
        ]
        assert parts == whole, size
    with session():
        exported = user_usage.every_line(
            virtual_clusters.get("platform"), UserQuery(everyone=True), peopled.now
        )
        assert [use.username for use in exported] == [line[0] for line in whole]


def test_members_come_by_group_too(web_house) -> None:
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        manager.add_group("lab", "lab", "", roles=[])
        group = manager.find_group("lab")
        group.users.append(manager.find_user(username="carol"))
        manager.session.commit()
    with session():
        VcMemberRow.insert(vc="vision", kind="group", name="lab").execute()
    names = [use.username for use in page(web_house.house, everyone=True).items]
    assert names == ["alice", "bob", "carol", "mona", "vera"]


def test_the_line_of_the_whole_cluster_is_kept_for_a_sixtieth_of_a_step(house: House) -> None:
    house.run(device_type=GPU, devices=2)
    lines = usage.ClusterSeries()

    def last(name: str) -> float:
        with session():
            span = usage.span_of(name, house.now)
            return usage.vc_usage(virtual_clusters.get("vision"), span, lines)[0].allocated[-1]

    house.advance(3600)
    before = last("30d"), last("1h")
    house.run(device_type=GPU, devices=2)
    house.advance(60)
    assert last("30d") == before[0], "two hours / 60 have not passed"
    assert last("1h") > before[1], "short ranges are exact"
    house.advance(60)
    assert last("30d") > before[0]
