"""The book of devices held: a line begins with an attempt's admission and ends with its release.

Both are called inside the transaction of the change that they go with.
"""

from __future__ import annotations

from datetime import datetime

from portal.domain.job import Job
from portal.models import AllocationRow


def milliseconds(at: datetime) -> int:
    """Since 1970."""
    return round(at.timestamp() * 1000)


def begin(job: Job, attempt: int, now: datetime) -> None:
    """``attempt`` of the job holds its devices from now on; nothing for jobs without devices."""
    spec = job.spec
    if not spec.device_type or not spec.total_devices:
        return
    AllocationRow.insert(
        job=job.id,
        attempt=attempt,
        username=job.username,
        vc=spec.vc,
        device_type=spec.device_type,
        devices=spec.total_devices,
        preemptible=spec.preemptible,
        begun_ms=milliseconds(now),
    ).execute()


def end(job_id: str, now: datetime) -> None:
    """The job holds nothing any more."""
    AllocationRow.update(ended_ms=milliseconds(now)).where(
        AllocationRow.job == job_id, AllocationRow.ended_ms.is_null()
    ).execute()


def end_all(vc: str, now: datetime) -> None:
    """The virtual cluster goes with its jobs: none of them holds anything any more."""
    AllocationRow.update(ended_ms=milliseconds(now)).where(
        AllocationRow.vc == vc, AllocationRow.ended_ms.is_null()
    ).execute()
