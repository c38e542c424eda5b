"""What ended each start of a job, read from its transitions."""

from __future__ import annotations

from typing import Any

from portal.services.logs.attempts import Attempt, attempts_of


def told(*steps: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [
        {"at": f"2026-11-02T12:00:{n:02}Z", "to": state, "reason": {"code": code} if code else None}
        for n, (state, code) in enumerate(steps)
    ]


def at(second: int) -> str:
    return f"2026-11-02T12:00:{second:02}Z"


def test_nothing_has_started() -> None:
    assert attempts_of(told(("queued", None), ("pausing", "user"), ("paused", None))) == []


def test_a_start_that_goes_on() -> None:
    found = attempts_of(told(("queued", None), ("scheduling", "starting"), ("running", None)))
    assert found == [Attempt(1, at(1))]


def test_every_start_says_what_ended_it() -> None:
    events = told(
        ("queued", None),
        ("scheduling", "starting"),
        ("running", None),
        ("preempting", "preempted"),
        ("queued", "new"),
        ("scheduling", "starting"),
        ("running", None),
        ("pausing", "user"),
        ("paused", None),
        ("queued", "new"),
        ("scheduling", "starting"),
        ("running", None),
        ("failed", "exit_code"),
    )
    assert attempts_of(events) == [
        Attempt(1, at(1), at(4), "preempting", {"code": "preempted"}),
        Attempt(2, at(5), at(8), "pausing", {"code": "user"}),
        Attempt(3, at(10), at(12), "failed", {"code": "exit_code"}),
    ]


def test_a_job_that_finishes_while_it_is_stopped_has_finished() -> None:
    events = told(("queued", None), ("scheduling", None), ("pausing", "user"), ("finished", None))
    assert attempts_of(events) == [Attempt(1, at(1), at(3), "finished", None)]


def test_killed_while_paused_ends_no_start_twice() -> None:
    events = told(
        ("queued", None), ("scheduling", None), ("pausing", "user"), ("paused", None),
        ("killing", "user"), ("killed", None),
    )  # fmt: skip
    assert attempts_of(events) == [Attempt(1, at(1), at(3), "pausing", {"code": "user"})]
