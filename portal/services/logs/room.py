"""How much room there is for output."""

from __future__ import annotations

import errno
import os
from pathlib import Path

LEAST_BYTES = 1024 * 1024
"""With less the folder counts as full: the next lines may not fit."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors that a later try only meets again."""


def free_bytes(folder: str) -> int:
    """Bytes that can be written below ``folder``, or below what there is of its path."""
    path = Path(folder)
    while not path.exists() and path != path.parent:
        path = path.parent
    stats = os.statvfs(path)
    return stats.f_bavail * stats.f_frsize
