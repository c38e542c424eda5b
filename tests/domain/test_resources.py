"""Nodes, shapes, placements."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.resources import DeviceShape, Node, Slot, dump_placement, load_placement

SLOTS = st.builds(Slot, st.text(min_size=1), st.lists(st.integers(0, 15), unique=True).map(tuple))


@given(st.lists(SLOTS).map(tuple))
def test_a_placement_survives_json(placement: tuple[Slot, ...]) -> None:
    assert load_placement(json.loads(json.dumps(dump_placement(placement)))) == placement


def test_a_placement_as_json_keeps_it() -> None:
    assert dump_placement((Slot("a", (0, 1)), Slot("b"))) == [
        {"node": "a", "devices": [0, 1]},
        {"node": "b", "devices": []},
    ]


@pytest.mark.parametrize("nothing", [None, []])
def test_no_placement(nothing: list[dict[str, object]] | None) -> None:
    assert load_placement(nothing) == ()


@pytest.mark.parametrize(
    ("ready", "cordoned", "schedulable"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
)
def test_only_a_ready_node_that_is_not_cordoned_takes_something_new(
    ready: bool, cordoned: bool, schedulable: bool
) -> None:
    assert Node("a", ready=ready, cordoned=cordoned).schedulable is schedulable


def test_a_shape_without_counts_allows_every_number() -> None:
    assert all(DeviceShape().allows(count) for count in range(20))


def test_a_shape_with_counts_allows_only_these() -> None:
    shape = DeviceShape(per_node=8, ring=4, counts=(0, 1, 2, 4, 8))
    assert [count for count in range(20) if shape.allows(count)] == [0, 1, 2, 4, 8]


def test_no_shape_allows_less_than_nothing() -> None:
    assert not DeviceShape().allows(-1)
    assert not DeviceShape(counts=(-1, 0)).allows(-1)
