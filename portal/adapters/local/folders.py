"""The folders behind the mounts: made when missing, never outside of the storage."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from portal.adapters.local.trouble import failure_of
from portal.domain.errors import PermanentFailure
from portal.domain.launch import HostMount

OWN, EVERYBODYS = 0o700, 0o1777
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def prepare(mount: HostMount, storage_root: Path, owner: int | None = None) -> Path | None:
    """The real folder behind ``mount``; ``None`` when this machine does not have it.

    What lies below ``storage_root`` must stay there, and a sub-path below the folder that it
    belongs to, whatever symbolic links say. Folders elsewhere (a driver's) are used as they
    are, and may be missing on a machine whose devices are only declared.

    ``owner``: the user id of the command, to whom the folder is given (a shared one is open
    to everybody instead).
    """
    source, root = Path(mount.source), storage_root.absolute()
    if not source.is_absolute() or ".." in source.parts:
        raise PermanentFailure(f"not an absolute path: {mount.source}")
    if ".." in Path(mount.sub_path).parts or Path(mount.sub_path).is_absolute():
        raise PermanentFailure(f"not a path below {mount.source}: {mount.sub_path}")
    try:
        if not source.is_relative_to(root):
            return _elsewhere(mount, source)
        own = _stored(mount, source, root.resolve())
        if owner is not None:
            _give(own, root.resolve(), owner, mount.shared)
        if not mount.sub_path:
            return own
        return _stored(mount, own / mount.sub_path, own, owner)
    except (FileExistsError, NotADirectoryError) as error:
        raise PermanentFailure(f"{mount.source}: not a folder: {error.filename}") from error
    except RuntimeError as error:
        raise PermanentFailure(f"{mount.source}: {error}") from error
    except OSError as error:
        raise failure_of(error, mount.source, root) from error


def _elsewhere(mount: HostMount, source: Path) -> Path | None:
    if source.exists():
        return source.resolve()
    if mount.create:
        raise PermanentFailure(f"{mount.source} is outside of the storage and does not exist")
    return None


def _stored(mount: HostMount, source: Path, root: Path, owner: int | None = None) -> Path:
    real = _stay_inside(source, root)
    if mount.create and owner is not None:
        _make(real, root, owner, mount.shared)
    elif mount.create:
        source.mkdir(parents=True, exist_ok=True)
    elif not source.exists():
        raise PermanentFailure(f"{mount.source} does not exist")
    # Again: somebody may have put a link there in between.
    return _stay_inside(source, root)


def _stay_inside(source: Path, root: Path) -> Path:
    real = source.resolve()
    if not real.is_relative_to(root):
        raise PermanentFailure(
            f"{source} leads out of the storage or of its mount (a symbolic link to {real})"
        )
    return real


def _make(real: Path, root: Path, owner: int, shared: bool) -> None:
    """Make what is missing below the owner's ``root``, step by step, following no link.

    His commands may be at work there: a link that appears on the way ends it.
    """
    folder = os.open(root, _FOLDER)
    try:
        for part in real.relative_to(root).parts:
            made = _make_one(part, folder)
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
            if made:
                _hand_over(folder, owner, shared)
    finally:
        os.close(folder)


def _make_one(name: str, folder: int) -> bool:
    try:
        os.mkdir(name, dir_fd=folder)
    except FileExistsError:
        return False
    return True


def _give(own: Path, root: Path, owner: int, shared: bool) -> None:
    """Make a mount's folder its user's own; what was in it from before, too."""
    if own == root:
        return
    folder = os.open(own, _FOLDER)
    try:
        seen = os.fstat(folder)
        if shared:
            if stat.S_IMODE(seen.st_mode) != EVERYBODYS:
                os.fchmod(folder, EVERYBODYS)
        elif seen.st_uid != owner:
            for _, folders, files, at in os.fwalk(".", dir_fd=folder):
                for name in (*folders, *files):
                    os.chown(name, owner, owner, dir_fd=at, follow_symlinks=False)
            _hand_over(folder, owner, shared)
    finally:
        os.close(folder)


def _hand_over(folder: int, owner: int, shared: bool) -> None:
    if shared:
        os.fchmod(folder, EVERYBODYS)
    else:
        os.fchown(folder, owner, owner)
        os.fchmod(folder, OWN)
