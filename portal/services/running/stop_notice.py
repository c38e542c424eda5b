"""The notice that a job is about to be stopped, in a file that its command can see.

Every stop begins with SIGTERM, but a signal says neither why nor how long there is, and
reaches a training only if everything between the shell and it passes it on. So the file
``$AOLI_NOTICE`` appears in ``/job`` just before the signal. Its name holds the attempt: the
next start finds none.

It is written where the portal's workers reach the storage, and left out elsewhere; nothing
else depends on it. The folder belongs to the job, whose links must not lead us anywhere.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from portal.domain.job import MOUNT_POINTS, Job
from portal.domain.job_state import JobState
from portal.domain.moment import rfc3339
from portal.domain.storage_path import roots

log = logging.getLogger(__name__)
ACTIONS = {JobState.PAUSING: "pause", JobState.KILLING: "kill", JobState.PREEMPTING: "requeue"}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def place(job: Job) -> str | None:
    """Where the command finds the notice of its present attempt; ``None`` without ``/job``."""
    return f"{MOUNT_POINTS['job']}/{_name(job)}" if job.spec.mounts["job"].enabled else None


def give(job: Job, storage_root: str, now: datetime) -> bool:
    """Write the notice of a job that is being stopped; whether it could be."""
    if not job.spec.mounts["job"].enabled:
        return False
    preempted = job.reason is not None and job.reason.code == "preempted"
    until = now + timedelta(seconds=job.stop_grace_s)
    told = {
        "action": "preempt" if preempted else ACTIONS.get(job.state, "stop"),
        "attempt": job.attempt,
        "grace_s": job.stop_grace_s,
        "until": rfc3339(until),
    }
    try:
        with _job_folder(job, storage_root) as folder:
            _write(folder, _name(job), json.dumps(told) + "\n")
    except OSError as error:
        log.info("no notice for %s: %s", job.id, error.strerror)
        return False
    return True


def _name(job: Job) -> str:
    return f".aoli-notice-{job.attempt}.json"


@contextmanager
def _job_folder(job: Job, storage_root: str) -> Iterator[int]:
    """The folder behind ``/job``, reached step by step without following any link."""
    whole = PurePosixPath(roots(storage_root, job.username, job.id, job.submitted_at)["job"])
    below = (whole / job.spec.mounts["job"].sub_path).relative_to(storage_root)
    folder = os.open(storage_root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in below.parts:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _write(folder: int, name: str, text: str) -> None:
    """In one step, so that nobody reads half of it."""
    draft = f"{name}.new"
    try:
        file = os.open(draft, _NEW_FILE, 0o644, dir_fd=folder)
    except FileExistsError:
        # Left by a worker that was killed here; another one would be at it only now.
        os.unlink(draft, dir_fd=folder)
        file = os.open(draft, _NEW_FILE, 0o644, dir_fd=folder)
    with os.fdopen(file, "w", encoding="utf-8") as open_file:
        open_file.write(text)
    os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
