"""The cluster's objects by the names of the contract, for the API and the export."""

from __future__ import annotations

from typing import Any

from portal.domain.usage import Span
from portal.services.usage.by_user import UserUse
from portal.services.usage.over_time import TypeUsage

HOUR_DIGITS = 3


def user_item(use: UserUse) -> dict[str, Any]:
    """A user's line; what is not measured is ``null``."""
    return {
        "username": use.username,
        "device_type": use.device_type,
        "allocated": use.allocated,
        "allocated_preemptible": use.allocated_preemptible,
        "idle": use.idle,
        "booked_hours": round(use.booked_hours, HOUR_DIGITS),
        "idle_hours": None if use.idle_hours is None else round(use.idle_hours, HOUR_DIGITS),
        "idle_percent": None if use.idle_percent is None else round(use.idle_percent, 1),
    }


def usage_item(one: TypeUsage) -> dict[str, Any]:
    """A device type over a span; utilisation needs a source of metrics."""
    return {
        "device_type": one.device_type,
        "quota": one.quota,
        "devices": one.devices,
        "users": [
            {
                "username": name,
                "device_hours": round(one.hours[name], HOUR_DIGITS),
                "held": _rounded(held),
            }
            for name, held in one.users.items()
        ],
        "others": _rounded(one.others) if one.others else None,
        "allocated": _rounded(one.allocated),
        "utilization": None,
    }


def span_item(span: Span) -> dict[str, Any]:
    """A span as seconds since 1970, as charts take them."""
    return {
        "step_s": span.step_ms // 1000,
        "times": [start // 1000 for start in span.starts_ms],
    }


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 2) for value in values]
