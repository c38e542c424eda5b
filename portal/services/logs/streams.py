"""A job's kept output for readers: its newest lines, all of it, or growing until the job ends.

Nothing here holds a database connection while it waits: a stream may stay open for days.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Protocol

from portal.domain.errors import NotFound
from portal.domain.job import AttemptRef, Job
from portal.domain.job_state import TERMINAL
from portal.domain.permission import Actor
from portal.models.db import session
from portal.services.logs.files import offset_of_tail, read_from, split_lines, whole_lines
from portal.services.logs.keeper import LogKeeper
from portal.services.records import job_views

MAX_TAIL, DEFAULT_TAIL = 100_000, 2000
POLL_S = 0.2
"""Wait between two looks at a file that does not grow."""
LOOK_S = 1.0
"""Wait between two looks at the job's state."""
LAST_LINES_S = 60
"""An ended job that its cluster does not let go of is waited for so long."""

_RANK = re.compile(r"(.*?)(\d*)")


@dataclass(frozen=True, slots=True)
class Output:
    """Where the output of one replica of one attempt is kept."""

    ref: AttemptRef
    replica: str


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
class Quiet:
    """Nothing new for a moment."""


@dataclass(frozen=True, slots=True)
class End:
    """There is no more: the job, or the attempt that was asked for, has ended."""

    status: str
    exit_code: int | None


Piece = Lines | NextAttempt | Quiet | End


class Jobs(Protocol):
    """What reading output needs of the jobs."""

    def value(self, actor: Actor, job_id: str) -> Job:
        """The job as the rules see it; ``NotFound`` when they may not see it."""


class LogStreams:
    """Reads output for those who may see the job; ``NotFound`` for everyone else."""

    def __init__(self, jobs: Jobs, logs: LogKeeper, clock: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._logs = logs
        self._clock = clock

    def find(
        self, actor: Actor, job_id: str, replica: str | None = None, attempt: int | None = None
    ) -> Output | None:
        """The output of ``replica`` (the first by default) in ``attempt`` (the newest).

        ``None`` when nothing has started yet. Raises ``NotFound`` for an attempt that there
        was not and a replica that it does not have.
        """
        with session():
            job = self._jobs.value(actor, job_id)
            number = job.attempt if attempt is None else attempt
            if not 0 <= number <= job.attempt:
                raise NotFound("The job has no attempt of this number")
            names = self._replicas(job.id, number)
        if replica is not None and replica not in names:
            raise NotFound("The job has no replica of this name")
        chosen = replica or next(iter(names), None)
        return Output(AttemptRef(job.id, number), chosen) if chosen else None

    def _replicas(self, job_id: str, attempt: int) -> list[str]:
        """Names of the attempt's replicas: what the cluster told, and what left output."""
        names = {row["name"] for row in job_views.replicas(job_id, attempt)}
        folder = self._logs.path(AttemptRef(job_id, attempt), "").parent
        for path in folder.glob(f"{attempt}-*.log"):
            names.add(path.name.removeprefix(f"{attempt}-").removesuffix(".log"))
        return sorted(names, key=_by_rank)

    def tail(self, output: Output | None, lines: int) -> list[bytes]:
        """The newest lines, oldest first."""
        return self._logs.tail(output.ref, output.replica, lines) if output else []

    def whole(self, output: Output | None) -> Iterator[bytes]:
        """All lines."""
        return whole_lines(self._logs.whole(output.ref, output.replica)) if output else iter(())

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
        Raises ``NotFound`` when the job may not be seen (any more).
        """
        job, _ = self._look(actor, job_id, 0, replica)
        number = begin.attempt if isinstance(begin, Place) else attempt or job.attempt
        job, output = self._look(actor, job_id, number, replica)
        looked_at = time.monotonic()
        offset = self._offset(output, begin)
        while not stop.is_set():
            block = read_from(self._path(output), offset) if output else b""
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
            yield Quiet()
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
    ) -> tuple[Job, Output | None]:
        """The job now and the output to read, with a database session of its own."""
        with session():
            job = self._jobs.value(actor, job_id)
            name = replica or next(iter(self._replicas(job.id, attempt)), None)
        return job, Output(AttemptRef(job.id, attempt), name) if name and attempt else None

    def _is_over(self, job: Job, attempt: int) -> bool:
        """Whether nothing can be added any more to what is kept of an attempt."""
        if job.attempt != attempt or job.state not in TERMINAL:
            return job.attempt > attempt or (attempt > 0 and job.released)
        long_ago = self._clock() - timedelta(seconds=LAST_LINES_S)
        return job.released or (job.finished_at or long_ago) <= long_ago

    def _offset(self, output: Output | None, begin: int | Place) -> int:
        if isinstance(begin, Place):
            return begin.offset
        return offset_of_tail(self._path(output), begin) if output else 0

    def _path(self, output: Output) -> Path:
        return self._logs.path(output.ref, output.replica)


def _by_rank(name: str) -> tuple[str, int]:
    """``worker-10`` comes after ``worker-9``."""
    found = _RANK.fullmatch(name)
    assert found is not None
    return found[1], int(found[2] or 0)


def without_time(line: bytes) -> bytes:
    """A kept line as the command wrote it."""
    _, space, text = line.partition(b" ")
    return text if space else b"\n"
