"""The folders behind the mounts: made when missing, never outside of the storage."""

from __future__ import annotations

from pathlib import Path

from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.launch import HostMount


def prepare(mount: HostMount, storage_root: Path) -> Path | None:
    """The real folder behind ``mount``; ``None`` when this machine does not have it.

    What lies below ``storage_root`` must stay there, and a sub-path below the folder that it
    belongs to, whatever symbolic links say. Folders elsewhere (a driver's) are used as they
    are, and may be missing on a machine whose devices are only declared.
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
        return _stored(mount, own / mount.sub_path, own) if mount.sub_path else own
    except (FileExistsError, NotADirectoryError) as error:
        raise PermanentFailure(f"{mount.source}: not a folder: {error.filename}") from error
    except RuntimeError as error:
        raise PermanentFailure(f"{mount.source}: {error}") from error
    except OSError as error:
        raise TemporaryFailure(f"{mount.source}: {error.strerror}") from error


def _elsewhere(mount: HostMount, source: Path) -> Path | None:
    if source.exists():
        return source.resolve()
    if mount.create:
        raise PermanentFailure(f"{mount.source} is outside of the storage and does not exist")
    return None


def _stored(mount: HostMount, source: Path, root: Path) -> Path:
    _stay_inside(source, root)
    if mount.create:
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
