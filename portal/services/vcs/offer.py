"""What a virtual cluster offers to whoever submits a job to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VcOffer:
    """What the submitter may use of a VC: its quota, and the most one user may hold, by type."""

    name: str
    quota: Mapping[str, int]
    user_limit: Mapping[str, int] = field(default_factory=dict)
