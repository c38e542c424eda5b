"""Where things of users and jobs lie below the storage root. Pure path arithmetic.

Layout (the user's manual, 3.3): ``/work`` is ``<root>/work/<username>``, ``/data`` is
``<root>/storage``, ``/job`` is ``<root>/jobs/<yyMMdd>/<job id>``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath

from portal.domain.errors import FieldError
from portal.domain.job import AttemptRef
from portal.domain.limits import MAX_FOLDER_BYTES, MAX_SUB_PATH, too_long

SHARED = frozenset({"data"})
"""Mounts whose folder is everybody's."""
_SAFE_PART = re.compile(r"[^\x00-\x1f\x7f\\:*?\"<>|]+")


def roots(
    storage_root: str, username: str, job_id: str, submitted_at: datetime
) -> Mapping[str, str]:
    """The folder behind each mount: keys ``work``, ``data``, ``job``.

    ``submitted_at`` is aware; the date in the path is the UTC date.
    """
    root = PurePosixPath(storage_root)
    return {
        "work": str(root / "work" / username),
        "data": str(root / "storage"),
        "job": str(root / "jobs" / submitted_at.astimezone(UTC).strftime("%y%m%d") / job_id),
    }


def check_sub_path(sub_path: str) -> FieldError | None:
    """Say what is wrong with a sub-path, or ``None``.

    A sub-path is relative and can never leave its root; symbolic links are the concern of
    whoever opens the folder.
    """
    if not sub_path:
        return None
    if len(sub_path) > MAX_SUB_PATH:
        return FieldError("Must be at most %(max)s characters", {"max": MAX_SUB_PATH})
    if sub_path.startswith("/"):
        return FieldError("Must be a relative path, without a leading /")
    for part in sub_path.split("/"):
        if part in (".", ".."):
            return FieldError("Must not contain . or .. as a folder")
        if (error := too_long(part, MAX_FOLDER_BYTES)) is not None:
            return error
        if part and not _SAFE_PART.fullmatch(part):
            return FieldError("Contains a character that is not allowed in a path")
    return None


def join(root: str, sub_path: str) -> str:
    """The folder ``sub_path`` below ``root``; raises ``ValueError`` on a sub-path that is wrong."""
    error = check_sub_path(sub_path)
    if error is not None:
        raise ValueError(str(error))
    return str(PurePosixPath(root) / sub_path) if sub_path else root


def log_path(log_dir: str, ref: AttemptRef, replica: str) -> str:
    """The file that keeps a replica's output.

    Each line is ``<RFC 3339 time, UTC> <text>\\n``.
    """
    return str(
        PurePosixPath(log_dir) / ref.job_id[:2] / ref.job_id / f"{ref.attempt}-{replica}.log"
    )


def live_path(log: str) -> str:
    """The file beside a replica's kept output that shows its last line while that has no end.

    It holds ``<bytes of the output before it> <RFC 3339 time, UTC> <text>`` and counts as long
    as the output has so many bytes.
    """
    return f"{log.removesuffix('.log')}.live"
