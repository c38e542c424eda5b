"""Rows, and nothing clever: one file per noun."""

from portal.models.cluster import ClusterRow, NodeRow
from portal.models.job import JobEventRow, JobRow, JobSecretRow, ReplicaRow
from portal.models.user import UserChoiceRow, UserRow
from portal.models.virtual_cluster import VcMemberRow, VcRow

OWNED = (
    JobRow,
    JobEventRow,
    JobSecretRow,
    ReplicaRow,
    NodeRow,
    ClusterRow,
    VcRow,
    VcMemberRow,
    UserChoiceRow,
)
"""Tables that the migrations make; ``ab_user`` is not among them."""

__all__ = [
    "OWNED",
    "ClusterRow",
    "JobEventRow",
    "JobRow",
    "JobSecretRow",
    "NodeRow",
    "ReplicaRow",
    "UserChoiceRow",
    "UserRow",
    "VcMemberRow",
    "VcRow",
]
