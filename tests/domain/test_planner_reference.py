"""The planner agrees with the plain and slow one on random small clusters."""

from __future__ import annotations

from hypothesis import given, settings
from random_clusters import NOW, snapshots
from reference_planner import reference_plan

from portal.domain.planner import plan
from portal.domain.snapshot import Snapshot


@given(snapshots())
@settings(max_examples=400)
def test_same_plan_as_the_reference(snapshot: Snapshot) -> None:
    assert plan(snapshot, NOW) == reference_plan(snapshot, NOW)


@given(snapshots(max_waiting=14, kinds=("npu",)))
@settings(max_examples=200)
def test_same_plan_as_the_reference_with_rings(snapshot: Snapshot) -> None:
    assert plan(snapshot, NOW) == reference_plan(snapshot, NOW)
