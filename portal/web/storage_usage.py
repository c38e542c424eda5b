"""How full the cluster's storage is, as this machine sees it mounted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

AMBER, RED = 0.85, 0.95


@dataclass(frozen=True, slots=True)
class StorageUsage:
    """One file system: bytes used and bytes in all."""

    path: str
    used: int
    total: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.used / self.total if self.total else 0.0

    @property
    def level(self) -> str:
        """``""``, ``warn`` or ``dng``."""
        if self.share >= RED:
            return "dng"
        return "warn" if self.share >= AMBER else ""


def usage_of(paths: Mapping[str, str]) -> list[StorageUsage]:
    """The file systems behind ``paths`` (name to folder), each once; missing ones left out."""
    found: dict[int, StorageUsage] = {}
    for path in paths.values():
        try:
            device = os.stat(path).st_dev
            stats = os.statvfs(path)
        except OSError:
            continue
        total = stats.f_blocks * stats.f_frsize
        free = stats.f_bavail * stats.f_frsize
        found.setdefault(device, StorageUsage(path, total - free, total))
    return list(found.values())
