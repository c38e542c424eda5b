"""A job's kept output for readers: its newest lines, all of it, or growing until the job ends.

Nothing here holds a database connection while it waits: a stream may stay open for days.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from portal.domain.job import AttemptRef, Job
from portal.domain.job_state import TERMINAL
from portal.domain.permission import Actor
from portal.models.db import session
from portal.services.logs.files import offset_of_tail, read_from, split_lines
from portal.services.logs.keeper import LogKeeper
from portal.services.logs.live import live_line
from portal.services.logs.outputs import Jobs, Outputs
from portal.services.logs.positions import LineIndex

MAX_TAIL, DEFAULT_TAIL = 100_000, 2000
POLL_S = 0.2
"""Wait between two looks at a file that does not grow."""
LOOK_S = 1.0
"""Wait between two looks at the job's state."""
LAST_LINES_S = 60
"""An ended job that its cluster does not let go of is waited for so long."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a job's output: the attempt, and the bytes of its file before it."""

    attempt: int
    offset: int


@dataclass(frozen=True, slots=True)
class Lines:
    """New lines, each with its time and line end; ``place`` is behind the last."""

    lines: list[bytes]
    place: Place


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """The job was started (again); what follows is of ``attempt``."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Redrawn:
    """What the line that has no end yet shows now: its time and text, without line end."""

    line: bytes


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing new for a moment."""


@dataclass(frozen=True, slots=True)
class End:
    """There is no more: the job, or the attempt that was asked for, has ended."""

    status: str
    exit_code: int | None


Piece = Lines | Redrawn | NextAttempt | Quiet | End


class LogStreams:
    """Reads output for those who may see the job; ``NotFound`` for everyone else."""

    def __init__(self, jobs: Jobs, logs: LogKeeper, clock: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._clock = clock
        self.outputs = Outputs(jobs, logs)
        self.index = LineIndex()

    def follow(
        self,
        actor: Actor,
        job_id: str,
        *,
        replica: str | None = None,
        attempt: int | None = None,
        begin: int | Place = DEFAULT_TAIL,
        stop: Event,
    ) -> Iterator[Piece]:
        """Lines as they come, until the job has ended (or ``attempt``, if one is named).

        ``begin`` is a number of newest lines to begin with, or a place reached before.
        :class:`Redrawn` tells what a line shows that has no end yet. Raises ``NotFound`` when
        the job may not be seen (any more).
        """
        job, _ = self._look(actor, job_id, 0, replica)
        number = begin.attempt if isinstance(begin, Place) else attempt or job.attempt
        job, output = self._look(actor, job_id, number, replica)
        looked_at = time.monotonic()
        offset = _offset(output, begin)
        shown = b""
        while not stop.is_set():
            block = read_from(output, offset) if output else b""
            if block:
                offset += len(block)
                yield Lines(split_lines(block), Place(number, offset))
                continue
            # The job was looked at before the file: when it was over then, this was all.
            if self._is_over(job, number):
                if attempt is None and job.attempt > number:
                    number, offset = number + 1, 0
                    yield NextAttempt(number)
                    job, output = self._look(actor, job_id, number, replica)
                    continue
                if attempt is not None or job.state in TERMINAL:
                    yield End(job.state.value, job.exit_code)
                    return
            state = live_line(output, offset) if output else b""
            yield Redrawn(state) if state not in (b"", shown) else Quiet()
            shown = state
            stop.wait(POLL_S)
            if time.monotonic() - looked_at >= LOOK_S:
                job, output = self._look(actor, job_id, number, replica)
                looked_at = time.monotonic()

    def check(self, actor: Actor, job_id: str) -> None:
        """Raise ``NotFound`` unless ``actor`` may see the job."""
        with session():
            self._jobs.value(actor, job_id)

    def _look(
        self, actor: Actor, job_id: str, attempt: int, replica: str | None
    ) -> tuple[Job, Path | None]:
        """The job now and the file to read, with a database session of its own."""
        with session():
            job = self._jobs.value(actor, job_id)
            names = self.outputs.replicas(job.id, attempt) if attempt else []
        if not names or (replica is not None and replica not in names):
            return job, None
        return job, self.outputs.choose(AttemptRef(job.id, attempt), names, replica).paths[0]

    def _is_over(self, job: Job, attempt: int) -> bool:
        """Whether nothing can be added any more to what is kept of an attempt."""
        if job.attempt != attempt or job.state not in TERMINAL:
            return job.attempt > attempt or (attempt > 0 and job.released)
        long_ago = self._clock() - timedelta(seconds=LAST_LINES_S)
        return job.released or (job.finished_at or long_ago) <= long_ago


def _offset(output: Path | None, begin: int | Place) -> int:
    if isinstance(begin, Place):
        return begin.offset
    return offset_of_tail(output, begin) if output else 0
