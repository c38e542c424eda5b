"""What is kept of a job's output: which attempts, which replicas, in which files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from portal.domain.errors import NotFound
from portal.domain.job import AttemptRef, Job
from portal.domain.permission import Actor
from portal.models.db import session
from portal.services.logs.keeper import LogKeeper
from portal.services.records import job_views

ALL = "*"
"""In place of a replica's name: all of them together."""
MOST_TOGETHER = 256
"""More replicas are not read as one; the first so many are."""
_RANK = re.compile(r"(.*?)(\d*)")


class Jobs(Protocol):
    """What reading output needs of the jobs."""

    def value(self, actor: Actor, job_id: str) -> Job:
        """The job as the rules see it; ``NotFound`` when they may not see it."""


@dataclass(frozen=True, slots=True)
class View:
    """The output of one replica of an attempt, or of several read as one; of none too early.

    ``names`` are all replicas of the attempt, in rank order.
    """

    ref: AttemptRef
    replicas: tuple[str, ...]
    paths: tuple[Path, ...]
    names: tuple[str, ...] = ()

    @property
    def of(self) -> int:
        """How many replicas the attempt has."""
        return len(self.names)


class Outputs:
    """Finds output for those who may see the job; ``NotFound`` for everyone else."""

    def __init__(self, jobs: Jobs, logs: LogKeeper) -> None:
        self._jobs = jobs
        self._logs = logs

    def view(
        self,
        actor: Actor,
        job_id: str,
        replica: str | None = None,
        attempt: int | None = None,
        *,
        early: bool = False,
    ) -> View:
        """The output of ``replica`` (the first by default) in ``attempt`` (the newest).

        :data:`ALL` stands for every replica. Raises ``NotFound`` for an attempt that there
        was not and a replica that it does not have; with ``early`` not as long as it has none.
        """
        with session():
            job = self._jobs.value(actor, job_id)
            number = job.attempt if attempt is None else attempt
            if not 0 <= number <= job.attempt:
                raise NotFound("The job has no attempt of this number")
            names = self.replicas(job.id, number)
        wanted = replica if names or not early else None
        return self.choose(AttemptRef(job.id, number), names, wanted)

    def choose(self, ref: AttemptRef, names: list[str], replica: str | None) -> View:
        """The view of one of ``names``, of the first, or of all."""
        if replica == ALL:
            chosen = names[:MOST_TOGETHER]
        elif replica is None:
            chosen = names[:1]
        elif replica in names:
            chosen = [replica]
        else:
            raise NotFound("The job has no replica of this name")
        paths = tuple(self._logs.path(ref, name) for name in chosen)
        return View(ref, tuple(chosen), paths, tuple(names))

    def every(
        self, actor: Actor, job_id: str, replica: str | None = None, attempt: int | None = None
    ) -> list[View]:
        """All outputs one by one, oldest attempt first, or those that are asked for."""
        with session():
            job = self._jobs.value(actor, job_id)
            numbers = range(1, job.attempt + 1) if attempt is None else (attempt,)
            found = [(AttemptRef(job.id, n), self.replicas(job.id, n)) for n in numbers]
        one_by_one = [
            self.choose(ref, names, name)
            for ref, names in found
            for name in names
            if replica in (None, ALL, name)
        ]
        if not one_by_one and not (replica in (None, ALL) and attempt is None):
            self.view(actor, job_id, replica, attempt)  # says what there is not
        return one_by_one

    def replicas(self, job_id: str, attempt: int) -> list[str]:
        """Names of an attempt's replicas: what the cluster reported, and what left output."""
        names = {row["name"] for row in job_views.replicas(job_id, attempt)}
        folder = self._logs.path(AttemptRef(job_id, attempt), "").parent
        for path in folder.glob(f"{attempt}-*.log"):
            names.add(path.name.removeprefix(f"{attempt}-").removesuffix(".log"))
        return sorted(names, key=by_rank)


def by_rank(name: str) -> tuple[str, int]:
    """``worker-10`` comes after ``worker-9``."""
    found = _RANK.fullmatch(name)
    assert found is not None
    return found[1], int(found[2] or 0)
