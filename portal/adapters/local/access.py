"""Who may pass through folders, when commands have user ids of their own."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

PASS = 0o001
WAY = 0o711
FOR_OTHERS = 0o077


def first_closed(path: Path) -> Path | None:
    """The first folder above ``path`` that other users cannot pass; ``None``: there is none."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & PASS:
            return folder
    return None


def can_be_reached(path: Path, ours: Sequence[Path]) -> bool:
    """Whether others come to ``path``, or would if our own folders above it were opened."""
    return all(
        folder.stat().st_mode & PASS or _is_ours(folder, ours)
        for folder in path.parents
        if folder.exists()
    )


def open_ways(paths: Iterable[Path], ours: Sequence[Path]) -> None:
    """Let others pass our own folders above ``paths``, and into nothing else in them.

    What another command of ours needs was given to its user, or is opened again with it.
    """
    ends = list(paths)
    ways = {folder for path in ends for folder in path.parents}
    for folder in sorted(way for way in ways if _is_ours(way, ours)):
        if stat.S_IMODE(folder.stat().st_mode) != WAY:
            close(child for child in folder.iterdir() if child not in ways and child not in ends)
            folder.chmod(WAY)
        elif folder in ours:
            # New since then: a database, for one.
            close(child for child in folder.iterdir() if child not in ways and child.is_file())
    close(folder for folder in ours if folder not in ways)


def close(paths: Iterable[Path]) -> None:
    """Take everything from others on what is the portal's own; links are left alone."""
    for path in paths:
        try:
            seen = path.lstat()
        except FileNotFoundError:
            continue
        if seen.st_uid == os.getuid() and not stat.S_ISLNK(seen.st_mode):
            os.chmod(path, stat.S_IMODE(seen.st_mode) & ~FOR_OTHERS)


def _is_ours(folder: Path, ours: Sequence[Path]) -> bool:
    return any(folder.is_relative_to(one) for one in ours)
