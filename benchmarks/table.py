"""Rows of figures and how they are printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure; ``aim`` is what the project wants of it, if anything."""

    what: str
    figure: str
    aim: str = ""


def spread(seconds: Sequence[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    worst = ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)]
    return f"{statistics.median(ordered) * 1000:,.0f} ms, p95 {worst * 1000:,.0f} ms"


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a part of the table as soon as it is measured."""
    print(f"\n{title}")
    print("| what | figure | aim |\n|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.figure} | {row.aim} |", flush=True)
