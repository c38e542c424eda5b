"""What a virtual cluster offers to whoever submits a job to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VcOffer:
    """What the submitter may use of a VC: its quota per device type."""

    name: str
    quota: Mapping[str, int]
