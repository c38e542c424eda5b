"""The planner: a snapshot in, a plan out. Whoever is outside comes in by this door.

:func:`plan` decides for all that wait, :func:`preview` for one job that was not submitted,
:class:`Standings` tells everything that a waiting job needs. The rules are one module each.
"""

from portal.domain.planning.planner import plan, preview
from portal.domain.planning.queue_order import MAX_AHEAD, order_key
from portal.domain.planning.shortage import Shares
from portal.domain.planning.snapshot import (
    Admission,
    Demand,
    Holding,
    Plan,
    PreemptibleScope,
    Preemption,
    Request,
    Snapshot,
    VcShare,
    Waiting,
)
from portal.domain.planning.standing import Standing, Standings
from portal.domain.planning.wait import REMEDIES, never_fits, remedy

__all__ = [
    "MAX_AHEAD",
    "REMEDIES",
    "Admission",
    "Demand",
    "Holding",
    "Plan",
    "PreemptibleScope",
    "Preemption",
    "Request",
    "Shares",
    "Snapshot",
    "Standing",
    "Standings",
    "VcShare",
    "Waiting",
    "never_fits",
    "order_key",
    "plan",
    "preview",
    "remedy",
]
