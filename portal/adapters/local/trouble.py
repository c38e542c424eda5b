"""Which errors of the file system waiting can mend, and which it cannot."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from portal.domain.errors import PermanentFailure, TemporaryFailure

NEVER = frozenset(
    {
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EINVAL,
        errno.EILSEQ,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.EISDIR,
        errno.EMLINK,
        errno.EXDEV,
        errno.ENODEV,
        errno.ENXIO,
        errno.EOPNOTSUPP,
    }
)
"""The same call fails again whatever happens meanwhile: it is the path that is wrong."""
CLOSED = frozenset({errno.EACCES, errno.EPERM})
"""Rights are missing; below a root that is open they are the owner's affair."""


def failure_of(error: OSError, path: str, root: Path) -> PermanentFailure | TemporaryFailure:
    """What ``error`` at ``path``, which belongs below ``root``, means to a job.

    A root that is away or closed, a full disk, a server that does not answer: an operator
    fixes these, so they are temporary.
    """
    why = error.strerror or str(error)
    place = _place(error, path)
    if error.errno in NEVER:
        return PermanentFailure(f"{place}: {why}")
    if error.errno in CLOSED and os.access(root, os.R_OK | os.W_OK | os.X_OK):
        return PermanentFailure(f"{place}: {why}")
    return TemporaryFailure(f"{place}: {why}")


def _place(error: OSError, path: str) -> str:
    """The path and, where only one folder on the way failed, its name."""
    at = error.filename
    part = os.fsdecode(at) if isinstance(at, (str, bytes)) else ""
    return f"{path}: {part}" if part and part not in path else path
