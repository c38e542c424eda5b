"""The open jobs of one user, for who disables the account: how many there are, and their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import fn

from portal.domain.job_state import HOLDING, JobState, Trigger, allows
from portal.domain.permission import Actor
from portal.models import JobRow

KillMany = Callable[[Actor, str, Sequence[str]], Sequence[Mapping[str, Any]]]
"""``JobService.act_on_many``."""
MAX_KILLED = 200
"""Jobs that one press of the button kills; whoever has more is asked again."""
_KILLABLE = [state.value for state in JobState if allows(state, Trigger.KILL)]


@dataclass(frozen=True, slots=True)
class OpenJobs:
    """Numbers of a user's jobs that can still be killed."""

    waiting: int = 0
    running: int = 0
    """Those that hold devices."""
    paused: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.running + self.paused


def open_jobs(user_id: int) -> OpenJobs:
    """How many there are; one query."""
    rows: Any = (
        JobRow.select(JobRow.state, fn.COUNT(JobRow.id))
        .where(JobRow.user_id == user_id, JobRow.state.in_(_KILLABLE))
        .group_by(JobRow.state)
        .tuples()
    )
    number = {JobState(state): count for state, count in rows}
    return OpenJobs(
        waiting=number.get(JobState.QUEUED, 0),
        running=sum(count for state, count in number.items() if state in HOLDING),
        paused=number.get(JobState.PAUSED, 0),
    )


def kill_open(kill: KillMany, actor: Actor, user_id: int) -> int:
    """Kill a user's jobs, the waiting ones first; how many are being killed.

    At most :data:`MAX_KILLED`. Each is checked and noted as if it were killed alone.
    """
    first = JobRow.state != JobState.QUEUED.value
    rows: Any = (
        JobRow.select(JobRow.id)
        .where(JobRow.user_id == user_id, JobRow.state.in_(_KILLABLE))
        .order_by(first, JobRow.submitted_at)
        .limit(MAX_KILLED)
        .tuples()
    )
    return sum(bool(done["ok"]) for done in kill(actor, "kill", [job_id for (job_id,) in rows]))
