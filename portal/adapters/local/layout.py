"""Where the local runtime keeps what it knows: files, so that any process can look and act.

::

    <state_dir>/<job id>.<attempt>/<replica>/spec.json     what was asked for
                                             status.json   where it stands (the shim writes)
                                             stop.json     it is to end
                                             shim.lock     held by the one shim
                                             scratch/      HOME and TMPDIR of the command
                                             shared/       files that the replicas share
    <state_dir>/watchers/*.fifo                            who wants to hear of changes
    <state_dir>/cordoned/<node>                            nodes that take nothing new
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portal.domain.errors import PermanentFailure
from portal.domain.job import AttemptRef

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_GONE, _NEW = ".gone-", ".new-"
SCRATCH, TEMPORARY, SHARED = "scratch", "tmp", "shared"


class Layout:
    """Paths below one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self.root = state_dir.absolute()
        self.watchers = self.root / "watchers"
        self.cordoned = self.root / "cordoned"

    def prepare(self) -> None:
        """Make the state folder; commands' environments are in it, so it is private."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def attempt(self, ref: AttemptRef) -> Path:
        """The folder of an attempt."""
        return self.root / checked_name(str(ref))

    def replica(self, ref: AttemptRef, name: str) -> Path:
        """The folder of a replica."""
        return self.attempt(ref) / checked_name(name)

    def attempts(self) -> list[AttemptRef]:
        """All attempts that are known here."""
        found = (attempt_of(name) for name in _listing(self.root))
        return [ref for ref in found if ref is not None]

    def replicas(self, ref: AttemptRef) -> list[Path]:
        """The folders of an attempt's replicas."""
        folder = self.attempt(ref)
        return [folder / name for name in _listing(folder) if not name.startswith(".")]

    def claim(
        self, ref: AttemptRef, name: str, spec: Mapping[str, Any], owner: int | None = None
    ) -> Path:
        """Make a replica's folder, whole or not at all; one that is there stays as it is.

        ``owner``: the user id that its command will have.
        """
        folder = self.replica(ref, name)
        if folder.exists():
            return folder
        made = folder.parent / f"{_NEW}{uuid.uuid4().hex}"
        self.prepare()
        folder.parent.mkdir(exist_ok=True)
        made.mkdir()
        (made / SCRATCH).mkdir()
        (made / SCRATCH / TEMPORARY).mkdir()
        (made / SHARED).mkdir()
        (made / "stage").mkdir()
        if owner is not None:
            for path in (made / SCRATCH / TEMPORARY, made / SCRATCH):
                os.chown(path, owner, owner)
        write_json(made / "spec.json", spec)
        try:
            made.rename(folder)
        except OSError:
            # Somebody else was first, or the attempt was taken away meanwhile.
            shutil.rmtree(made, ignore_errors=True)
            if not folder.exists():
                raise
        return folder

    def discard(self, ref: AttemptRef) -> None:
        """Delete an attempt's folder; for everybody else it is gone in one step."""
        gone = self.root / f"{_GONE}{uuid.uuid4().hex}"
        try:
            self.attempt(ref).rename(gone)
        except FileNotFoundError:
            return
        shutil.rmtree(gone, ignore_errors=True)

    def tidy(self) -> None:
        """Delete what a process killed in the middle of :meth:`discard` has left."""
        for name in _listing(self.root):
            if name.startswith(_GONE):
                shutil.rmtree(self.root / name, ignore_errors=True)


def checked_name(name: str) -> str:
    """``name``, if it can be the name of a folder here."""
    if not _NAME.fullmatch(name):
        raise PermanentFailure(f"not a name that the local runtime can use: {name!r}")
    return name


def attempt_of(name: str) -> AttemptRef | None:
    """The attempt whose folder has this name; ``None`` for another folder."""
    job_id, dot, attempt = name.rpartition(".")
    return AttemptRef(job_id, int(attempt)) if dot and job_id and attempt.isdecimal() else None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file in one step."""
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    fd = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(value, file)
    new.rename(path)


def write_text(path: Path, text: str) -> None:
    """Write a file that a command reads, in one step."""
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    new.write_text(text, encoding="utf-8")
    new.rename(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Undo :func:`write_json`; ``None`` without a file, ``{}`` for one that is damaged."""
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _listing(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
