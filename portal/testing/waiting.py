"""Waiting for something to become true, bounded by a deadline; never a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.1


def eventually(
    probe: Callable[[], T],
    deadline_s: float = 20,
    *,
    what: str = "",
    tick: Callable[[], None] | None = None,
) -> T:
    """Return the first truthy answer of ``probe``; fail when there is none in time.

    ``tick`` is called before every look: a fake moves its clock there.
    """
    end = time.monotonic() + deadline_s
    pause = FIRST_PAUSE_S
    while True:
        if tick is not None:
            tick()
        answer = probe()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise AssertionError(f"not within {deadline_s} s: {what or probe}; last: {answer!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_S)
