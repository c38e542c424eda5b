"""The planner agrees with the plain and slow one on random small clusters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from random_clusters import NOW, crowded, snapshots
from reference_planner import reference_plan

from portal.domain.planning.planner import plan
from portal.domain.planning.snapshot import Snapshot


@given(snapshots())
@settings(max_examples=300)
def test_same_plan_as_the_reference(snapshot: Snapshot) -> None:
    assert plan(snapshot, NOW) == reference_plan(snapshot, NOW)


@pytest.mark.parametrize("kind", ["gpu", "npu"])
def test_same_plan_as_the_reference_where_preemption_is_common(kind: str) -> None:
    for seed in range(500):
        snapshot = crowded(seed, (kind,))
        assert plan(snapshot, NOW) == reference_plan(snapshot, NOW), f"crowded({seed})"
