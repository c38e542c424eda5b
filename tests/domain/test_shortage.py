"""How a shortage is divided among virtual clusters, and what each may still use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planner_words import GPU, held, node
from random_clusters import snapshots

from portal.domain.planning.shortage import Shares, Shortage, pro_rata
from portal.domain.planning.snapshot import Snapshot, VcShare

QUOTAS = st.dictionaries(st.text("abcdef", min_size=1), st.integers(0, 500), max_size=8)


def vcs(**quotas: int) -> list[VcShare]:
    return [VcShare(name, {GPU: quota}) for name, quota in quotas.items()]


@pytest.mark.parametrize(
    ("shortage", "quotas", "parts"),
    [
        (0, {"a": 8, "b": 8}, {"a": 0, "b": 0}),
        (8, {"a": 16, "b": 16}, {"a": 4, "b": 4}),
        (8, {"a": 24, "b": 8}, {"a": 6, "b": 2}),
        (1, {"a": 8, "b": 8}, {"a": 1, "b": 0}),
        (1, {"a": 4, "b": 12}, {"a": 0, "b": 1}),
        (2, {"a": 8, "b": 8, "c": 8}, {"a": 1, "b": 1, "c": 0}),
        (16, {"a": 16, "b": 0}, {"a": 16, "b": 0}),
        (0, {}, {}),
        (0, {"a": 0}, {"a": 0}),
    ],
)
def test_whole_devices_by_the_largest_remainder(
    shortage: int, quotas: dict[str, int], parts: dict[str, int]
) -> None:
    assert pro_rata(shortage, quotas) == parts


@given(QUOTAS, st.data())
def test_the_parts_add_up_and_are_near_the_exact_ones(
    quotas: dict[str, int], data: st.DataObject
) -> None:
    given_out = sum(quotas.values())
    shortage = data.draw(st.integers(0, given_out))
    parts = pro_rata(shortage, quotas)
    assert sum(parts.values()) == shortage
    for name, quota in quotas.items():
        assert 0 <= parts[name] <= quota
        assert abs(parts[name] * given_out - shortage * quota) < max(given_out, 1)


@given(QUOTAS, st.data())
def test_the_order_of_the_virtual_clusters_does_not_matter(
    quotas: dict[str, int], data: st.DataObject
) -> None:
    shortage = data.draw(st.integers(0, sum(quotas.values())))
    mixed = dict(data.draw(st.permutations(list(quotas.items()))))
    assert pro_rata(shortage, mixed) == pro_rata(shortage, quotas)


@given(snapshots())
def test_the_parts_together_are_never_more_than_there_is(snapshot: Snapshot) -> None:
    shares = Shares(snapshot.nodes, snapshot.vcs.values())
    for kind in snapshot.shapes:
        short = shares.of(kind)
        parts = sum(shares.part(vc, kind) for vc in snapshot.vcs)
        assert parts == min(short.given, short.schedulable)


def test_what_is_missing_and_why() -> None:
    nodes = [
        node("a"),
        node("b", cordoned=True),
        node("c", ready=False),
        node("d", foreign_devices=2),
        node("n", kind="npu"),
    ]
    shares = Shares(nodes, vcs(red=24, blue=8))
    assert shares.of(GPU) == Shortage(32, 14, 1, 1, {"red": 14, "blue": 4})
    assert shares.of(GPU).devices == 18
    assert (shares.part("red", GPU), shares.part("blue", GPU)) == (10, 4)
    assert shares.of("npu").devices == 0


def test_devices_on_closed_nodes_that_are_still_held_stay_usable() -> None:
    shares = Shares([node("a", cordoned=True), node("b")], vcs(red=8, blue=8))
    job = held("j", "a:0-2", "b:0-1")
    assert shares.held_open(GPU, job.placement) == 2
    assert shares.usable("red", GPU, held=5, held_open=2) == 4 + 3
    assert shares.usable("red", GPU, held=20, held_open=2) == 8, "never above the quota"
    assert shares.usable("blue", GPU, held=0, held_open=0) == 4
