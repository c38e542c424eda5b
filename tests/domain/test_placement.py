"""Devices of one node as bits, and the index of many nodes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.planning.capacity import FreeDevices
from portal.domain.planning.making_room import JobShape, NodeCounts, fewest
from portal.domain.planning.placement import (
    Fit,
    counts_without_highest,
    fit,
    free_by_group,
    groups,
    indexes_of,
    largest_together,
    mask_of,
    take,
    without_highest,
)

MASKS = st.integers(0, 255)


def free(*indexes: int) -> int:
    return mask_of(tuple(indexes))


@given(MASKS)
def test_a_mask_is_its_indexes(mask: int) -> None:
    assert mask_of(indexes_of(mask)) == mask


@pytest.mark.parametrize(
    ("size", "ring", "expected"),
    [
        (8, 0, (0b11111111,)),
        (8, 4, (0b1111, 0b11110000)),
        (8, 8, (0b11111111,)),
        (4, 8, (0b1111,)),
        (6, 4, (0b1111, 0b110000)),
        (0, 0, ()),
    ],
)
def test_a_node_is_cut_into_rings(size: int, ring: int, expected: tuple[int, ...]) -> None:
    assert groups(size, ring) == expected


@pytest.mark.parametrize(
    ("indexes", "ring", "devices", "expected"),
    [
        ((0, 1, 2, 3, 4, 5, 6, 7), 0, 3, Fit(2, 8)),
        ((0, 1, 2, 3, 4, 5, 6, 7), 4, 2, Fit(4, 4)),
        ((0, 1, 4, 5), 4, 4, Fit(0, 0)),
        ((0, 1, 4, 5), 0, 4, Fit(1, 4)),
        ((0, 4, 5, 6), 4, 1, Fit(4, 1)),
        ((0, 1, 2, 3, 4, 5, 6, 7), 4, 8, Fit(1, 8)),
        ((0, 1, 2, 3, 4, 5, 6), 4, 8, Fit(0, 0)),
        ((0, 1, 2, 3, 4, 5, 6, 7), 4, 6, Fit(0, 0)),
    ],
)
def test_fit(indexes: tuple[int, ...], ring: int, devices: int, expected: Fit) -> None:
    assert fit(mask_of(indexes), 8, ring, devices) == expected


@pytest.mark.parametrize(
    ("indexes", "ring", "devices", "expected"),
    [
        ((2, 5, 6), 0, 2, (2, 5)),
        ((0, 1, 2, 3, 6, 7), 4, 2, (6, 7)),
        ((0, 1, 4, 5), 4, 1, (0,)),
        ((0, 1, 2, 3, 4, 5, 6, 7), 4, 8, (0, 1, 2, 3, 4, 5, 6, 7)),
    ],
)
def test_take_the_lowest_of_the_tightest_ring(
    indexes: tuple[int, ...], ring: int, devices: int, expected: tuple[int, ...]
) -> None:
    assert indexes_of(take(mask_of(indexes), 8, ring, devices)) == expected


@given(MASKS, st.sampled_from([0, 4]), st.sampled_from([1, 2, 3, 4, 8]))
def test_as_many_can_be_taken_as_fit(mask: int, ring: int, devices: int) -> None:
    count = 0
    while fit(mask, 8, ring, devices).capacity:
        before = fit(mask, 8, ring, devices).capacity
        taken = take(mask, 8, ring, devices)
        assert taken & mask == taken
        assert taken.bit_count() == devices
        mask &= ~taken
        count += 1
        assert fit(mask, 8, ring, devices).capacity == before - 1
    assert count <= 8


@given(MASKS, st.integers(0, 9), st.sampled_from([0, 4]))
def test_the_highest_can_be_left_out_by_mask_or_by_count(mask: int, count: int, ring: int) -> None:
    left = without_highest(mask, count)
    assert left.bit_count() == max(0, mask.bit_count() - count)
    assert not left or left < 1 << (mask.bit_length())
    by_count = counts_without_highest(free_by_group(mask, 8, ring), count)
    assert by_count == free_by_group(left, 8, ring)


@given(MASKS, st.sampled_from([0, 4]))
def test_the_largest_request_fits_and_no_larger_one(mask: int, ring: int) -> None:
    largest = largest_together(mask, 8, ring)
    assert largest == 0 or fit(mask, 8, ring, largest).capacity
    assert not any(fit(mask, 8, ring, more).capacity for more in range(largest + 1, 9))


@given(st.integers(0, 2**32), st.sampled_from([0, 4]))
def test_the_index_says_what_a_look_at_every_node_says(seed: int, ring: int) -> None:
    rng = random.Random(seed)
    sizes = [rng.choice((4, 8)) for _ in range(6)]
    index = FreeDevices(sizes, ring, [rng.getrandbits(size) for size in sizes])
    for _ in range(20):
        devices, replicas = rng.choice((1, 2, 3, 4, 8)), rng.choice((1, 1, 2, 3))
        banned = frozenset(rng.sample((4, 8), rng.choice((0, 0, 1))))
        allowed = [node for node, size in enumerate(sizes) if size not in banned]
        capacity = sum(index.fit(node, devices).capacity for node in allowed)
        assert index.capacity(devices, banned) == capacity
        assert index.total == sum(mask.bit_count() for mask in index.masks)
        assert index.largest() == max(
            largest_together(mask, size, ring)
            for mask, size in zip(index.masks, sizes, strict=True)
        )
        places = index.find(devices, replicas, banned)
        assert (places is None) == (capacity < replicas)
        for node, mask in places or ():
            assert node in allowed
            assert index.masks[node] & mask == mask
            index.set(node, index.masks[node] & ~mask)
        node = rng.randrange(6)
        index.set(node, rng.getrandbits(sizes[node]))


def test_a_gang_lies_on_as_few_nodes_as_possible() -> None:
    masks = [free(0, 1), free(*range(8)), free(0, 1, 2, 3), free(*range(8))]
    places = FreeDevices([8] * 4, 0, masks).find(2, 6)
    assert places is not None
    assert [node for node, _ in places] == [1, 1, 1, 1, 2, 2]


def test_looking_for_a_place_takes_nothing() -> None:
    index = FreeDevices([8, 8], 0, [free(*range(8)), free(*range(8))])
    assert index.find(8, 2) == index.find(8, 2)
    assert index.total == 16


class TestMakingRoom:
    node = NodeCounts(free=(1,), taken=(0,), unknown=0, size=8, ring=0)

    def test_one_large_job_rather_than_two_small_ones(self) -> None:
        small, large = JobShape((1,), 0, 1), JobShape((4,), 0, 4)
        assert fewest(self.node, 3, ((small, 3), (large, 1))) == ((0, 1),)

    def test_the_smallest_of_those_that_suffice(self) -> None:
        two, four = JobShape((2,), 0, 2), JobShape((4,), 0, 4)
        assert fewest(self.node, 3, ((two, 1), (four, 1))) == ((1, 0),)

    def test_all_ways_that_cost_the_same(self) -> None:
        near, far = JobShape((2,), 0, 4), JobShape((3,), 0, 4)
        assert fewest(self.node, 3, ((near, 1), (far, 1))) == ((1, 0), (0, 1))

    def test_none_when_all_together_are_not_enough(self) -> None:
        assert fewest(self.node, 8, ((JobShape((2,), 0, 2), 3),)) == ()

    def test_devices_of_unknown_index_come_off_the_highest_ring(self) -> None:
        node = NodeCounts(free=(0, 3), taken=(0, 0), unknown=1, size=8, ring=4)
        low, high = JobShape((4, 0), 0, 4), JobShape((0, 1), 0, 1)
        assert fewest(node, 3, ((low, 1), (high, 1))) == ((0, 1),)
