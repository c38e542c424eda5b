"""What a command finds around it: environment, working folder, mounts.

Nothing of the portal's own environment goes in, so no secret can.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from portal.adapters.local.layout import SCRATCH, SHARED, TEMPORARY
from portal.domain.launch import HostMount, ReplicaLaunch, SharedFile

MARK = "AOLI_REPLICA_FOLDER"
"""Variable by which a replica's processes are known when their shim is gone."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/sh")
_ASIDE = "/.aoli"
"""Where a root of the replica's own shows what one of its mounts would hide."""

Bind = tuple[str, str, bool]
Folder = tuple[HostMount, Path]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``binds`` (source, target, read-only) need a root of the replica's own."""

    env: dict[str, str]
    cwd: str
    binds: list[Bind]
    links: dict[str, str]
    """Symbolic links to put into the scratch folder."""


def surroundings(
    replica: ReplicaLaunch,
    folder: Path,
    mounts: Sequence[Folder],
    files: Sequence[SharedFile] = (),
    *,
    real_mounts: bool,
) -> Surroundings:
    """Work out everything for ``replica``, whose state is in ``folder``."""
    binds = _binds(mounts) if real_mounts else []
    if any(_hides(binds, path) for path in (sys.base_prefix, str(Path(sys.base_prefix).resolve()))):
        # Python itself would be out of sight; better the folders under other names.
        binds = []
    scratch = _in_sight(binds, str(folder / SCRATCH), f"{_ASIDE}/scratch")
    python = _python_folder(_in_sight(binds, sys.prefix, f"{_ASIDE}/python"))
    targets = {target for _, target, _ in binds}
    seen = {
        mount.name: mount.target if mount.target in targets else str(source)
        for mount, source in mounts
    }
    env = {
        "PATH": f"{python}:{SYSTEM_PATH}",
        "HOME": scratch,
        "TMPDIR": f"{scratch}/{TEMPORARY}",
        "LANG": "C.UTF-8",
        **{_variable(name): path for name, path in seen.items()},
        **({"HOSTNAME": replica.host} if replica.host else {}),
        **{name: f"{scratch}/{SHARED}/{file.name}" for file in files for name in file.variables},
        **replica.env,
        **replica.selection,
        MARK: str(folder),
    }
    if "AOLI_NOTICE" in env and "job" in seen:
        env["AOLI_NOTICE"] = f"{seen['job']}/{PurePosixPath(env['AOLI_NOTICE']).name}"
    links = {name: path for name, path in seen.items() if path not in targets}
    return Surroundings(env, seen.get("job", scratch), binds, links)


def shell() -> str:
    """The shell that runs commands."""
    return next((path for path in SHELLS if os.path.exists(path)), SHELLS[-1])


def _binds(mounts: Sequence[Folder]) -> list[Bind]:
    """What can be shown at its target without making a folder on the machine's own disk."""
    return [
        (str(source), mount.target, mount.read_only)
        for mount, source in mounts
        if mount.target.count("/") == 1
        or not os.path.exists("/" + mount.target.split("/")[1])
        or os.path.exists(mount.target)
    ]


def _hides(binds: Sequence[Bind], path: str) -> bool:
    return any(Path(path).is_relative_to(target) for _, target, _ in binds)


def _in_sight(binds: list[Bind], path: str, aside: str) -> str:
    """Where the command finds ``path``; adds a bind when a mount would hide it."""
    if not _hides(binds, path):
        return path
    binds.append((path, aside, False))
    return aside


def _python_folder(prefix: str) -> str:
    """Where ``python`` is: the portal's own, whose installation is seen at ``prefix``."""
    folder = Path(sys.executable).parent
    if not folder.is_relative_to(sys.prefix):
        return str(folder)
    return str(Path(prefix) / folder.relative_to(sys.prefix))


def _variable(mount: str) -> str:
    return f"AOLI_{re.sub(r'[^A-Za-z0-9]', '_', mount).upper()}_PATH"
