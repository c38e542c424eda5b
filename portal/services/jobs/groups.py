"""How many jobs each group of the list of everybody's holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portal.services.jobs.listing import GROUPS


def group_sizes(by_state: Mapping[str, int], statuses: Sequence[str] = ()) -> dict[str, int]:
    """Number of jobs in each group of :data:`GROUPS`; ``statuses`` leaves the others out."""
    return {
        name: sum(
            by_state.get(state.value, 0)
            for state in states
            if not statuses or state.value in statuses
        )
        for name, states in GROUPS.items()
    }
