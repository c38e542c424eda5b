"""A portal on this machine whose worker and scheduler are the test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from house import GPU, actor, body

from portal.domain.job import AttemptRef, Job
from portal.domain.job_state import TERMINAL
from portal.models import JobRow
from portal.models.db import session
from portal.services.portal import Portal
from portal.services.records import job_store
from portal.testing import FakeQueue, eventually

DEADLINE_S = 30


@dataclass
class Lab:
    """A portal on this machine, with one device; the test is its worker and its scheduler."""

    portal: Portal
    queue: FakeQueue

    def submit(self, who: str, command: str, **fields: Any) -> str:
        given = {"vc": "platform", "device_type": GPU, "devices": 1, "command": command}
        with session():
            job = self.portal.jobs.submit(actor(who), body(**{**given, **fields}))
        return str(job["id"])

    def job(self, job_id: str) -> Job:
        with session():
            job = job_store.fetch(job_id)
        assert job is not None
        return job

    def step(self) -> None:
        with session():
            self.portal.passes.full_pass()
        self.queue.enqueue("admit")
        self.queue.drain()

    def until(self, job_id: str, state: str) -> Job:
        def there() -> Job | None:
            self.step()
            job = self.job(job_id)
            return job if job.state.value == state else None

        found = eventually(there, DEADLINE_S, what=f"{state}, is {self.job(job_id)}")
        assert found is not None
        return found

    def until_ended(self, job_id: str) -> Job:
        def there() -> Job | None:
            self.step()
            job = self.job(job_id)
            return job if job.state in TERMINAL and job.released else None

        found = eventually(there, DEADLINE_S, what=f"the end of {job_id}")
        assert found is not None
        return found

    def said(self, job_id: str, replica: str = "main") -> str:
        return self.portal.logs.path(AttemptRef(job_id, 1), replica).read_text()

    def rewrite_command(self, job_id: str, command: str) -> None:
        """As if it had been submitted so."""
        with session():
            JobRow.update(command=command).where(JobRow.id == job_id).execute()

    def rewrite_sub_path(self, job_id: str, sub_path: str) -> None:
        """As if it had been submitted so."""
        with session():
            spec = JobRow.get_by_id(job_id).spec
            spec["mounts"]["work"]["sub_path"] = sub_path
            JobRow.update(spec=spec).where(JobRow.id == job_id).execute()

    def until_said(self, job_id: str, text: str, attempt: int = 1) -> None:
        path = self.portal.logs.path(AttemptRef(job_id, attempt), "main")
        eventually(lambda: path.exists() and text in path.read_text(), DEADLINE_S, what=f"{text!r}")

    def folder(self, job_id: str) -> Path:
        with session():
            return Path(self.portal.jobs.get(actor("root"), job_id)["job_path"])
