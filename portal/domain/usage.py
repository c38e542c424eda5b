"""Device use over time, from what was taken and released.

A span is cut into equal steps. The database says for every step how many devices were taken
and released in it, and at what moments on the whole; together with what is held at the end
this gives the exact average of every step, however many jobs there were.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONTH_MS = 30 * DAY_MS
"""The past month is the past 30 days."""


@dataclass(frozen=True, slots=True)
class Span:
    """``steps`` steps of ``step_ms`` milliseconds that end at ``end_ms`` (since 1970)."""

    end_ms: int
    step_ms: int
    steps: int

    @property
    def start_ms(self) -> int:
        """Where the first step begins."""
        return self.end_ms - self.step_ms * self.steps

    @property
    def starts_ms(self) -> list[int]:
        """Where each step begins."""
        return [self.start_ms + self.step_ms * number for number in range(self.steps)]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened in one step.

    ``devices``: taken less released. ``device_ms``: the same with each device multiplied by
    its moment, in milliseconds after the start of the span.
    """

    step: int
    devices: int
    device_ms: int


def averages(held_at_end: int, changes: Iterable[Change], span: Span) -> list[float]:
    """Devices held on average in each step."""
    devices, device_ms = [0] * span.steps, [0] * span.steps
    for change in changes:
        devices[change.step] += change.devices
        device_ms[change.step] += change.device_ms
    level, found = held_at_end, [0.0] * span.steps
    for step in reversed(range(span.steps)):
        level -= devices[step]
        # A device taken at t is held until the end of its step: devices * (end - t).
        within = span.step_ms * (step + 1) * devices[step] - device_ms[step]
        found[step] = level + within / span.step_ms
    return found


def device_hours(held_at_end: int, device_ms: int, span: Span) -> float:
    """Devices times hours, over the whole span.

    ``device_ms`` is what :class:`Change` calls so, of all changes together: a device taken
    at t was not held from the start until t.
    """
    return (held_at_end * span.step_ms * span.steps - device_ms) / HOUR_MS


def idle_percent(booked_hours: float, idle_hours: float | None) -> float | None:
    """How much of what was booked lay idle; ``None`` if nothing was booked or nobody measured."""
    if idle_hours is None or booked_hours <= 0:
        return None
    return 100 * idle_hours / booked_hours
