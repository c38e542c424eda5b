"""Functions that a worker runs: three lines each, calling a service.

The worker process calls ``portal.tasks.context.use`` before it takes work.
"""

from __future__ import annotations

from portal.models.db import session
from portal.tasks.context import portal


def admit() -> None:
    """One scheduling pass."""
    with session():
        portal().admitter.admit()


def drive(job_id: str) -> None:
    """Take a job's next steps."""
    with session():
        portal().driver.drive(job_id)


def send_mail() -> None:
    """Send the mails that are due."""
    with session():
        portal().outbox.send_due()


def sweep(job_id: str, attempt: str) -> None:
    """Take an attempt off the cluster that no job owns."""
    with session():
        portal().passes.sweep(job_id, int(attempt))
