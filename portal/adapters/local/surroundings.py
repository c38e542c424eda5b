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

from portal.adapters.local.isolation import Bind, Covers, plan_covers
from portal.adapters.local.layout import SCRATCH, SHARED, TEMPORARY
from portal.domain.launch import HostMount, ReplicaLaunch, SharedFile

MARK = "AOLI_REPLICA_FOLDER"
"""Variable by which a replica's processes are known when their shim is gone."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/sh")
_ASIDE = "/.aoli"
"""Where a root of the replica's own shows what is covered or hidden at its own path."""

Folder = tuple[HostMount, Path]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``binds`` (source, target, read-only) and ``covers`` need a root of the replica's own."""

    env: dict[str, str]
    cwd: str
    binds: list[Bind]
    links: dict[str, str]
    """Symbolic links to put into the scratch folder."""
    covers: Covers


def surroundings(
    replica: ReplicaLaunch,
    folder: Path,
    mounts: Sequence[Folder],
    files: Sequence[SharedFile] = (),
    *,
    real_mounts: bool,
    private: Sequence[str] = (),
    username: str = "",
) -> Surroundings:
    """Work out everything for ``replica``, whose state is in ``folder``.

    ``private``: what it must not see of the machine, without symbolic links.
    """
    binds = _binds(mounts) if real_mounts else []
    if any(_hides(binds, path) for path in (sys.base_prefix, str(Path(sys.base_prefix).resolve()))):
        # Python itself would be out of sight; better the folders under other names.
        binds = []
    targets = {target for _, target, _ in binds}
    scratch, shared = str(folder / SCRATCH), str(folder / SHARED)
    if real_mounts:
        scratch = _aside(binds, scratch, "scratch")
        shared = _aside(binds, shared, "shared", read_only=True)
    seen = {
        mount.name: mount.target
        if mount.target in targets
        else _aside(binds, str(source), f"mounts/{mount.name}", read_only=mount.read_only)
        if real_mounts
        else str(source)
        for mount, source in mounts
    }
    python = _python_folder(
        _aside(binds, sys.prefix, "python") if _hides(binds, sys.prefix) else sys.prefix
    )
    covers = plan_covers(private if real_mounts else (), binds, python_installation())
    env = {
        **({"USER": username, "LOGNAME": username} if username else {}),
        "PATH": f"{python}:{SYSTEM_PATH}",
        "HOME": scratch,
        "TMPDIR": f"{scratch}/{TEMPORARY}",
        "LANG": "C.UTF-8",
        **{_variable(name): path for name, path in seen.items()},
        **({"HOSTNAME": replica.host} if replica.host else {}),
        **{name: f"{shared}/{file.name}" for file in files for name in file.variables},
        **replica.env,
        **replica.selection,
        MARK: str(folder),
    }
    if "AOLI_NOTICE" in env and "job" in seen:
        env["AOLI_NOTICE"] = f"{seen['job']}/{PurePosixPath(env['AOLI_NOTICE']).name}"
    links = {name: path for name, path in seen.items() if path not in targets}
    return Surroundings(env, seen.get("job", scratch), [*binds, *covers.binds], links, covers)


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


def _aside(binds: list[Bind], path: str, name: str, *, read_only: bool = False) -> str:
    """Where the command finds ``path``: at a place that nothing hides; adds the bind."""
    aside = f"{_ASIDE}/{name}"
    binds.append((os.path.realpath(path), aside, read_only))
    return aside


def python_installation() -> list[str]:
    """What commands need of the portal's own Python, without symbolic links."""
    return sorted({os.path.realpath(path) for path in (sys.prefix, sys.base_prefix)})


def _python_folder(prefix: str) -> str:
    """Where ``python`` is: the portal's own, whose installation is seen at ``prefix``."""
    folder = Path(sys.executable).parent
    if not folder.is_relative_to(sys.prefix):
        return str(folder)
    return str(Path(prefix) / folder.relative_to(sys.prefix))


def _variable(mount: str) -> str:
    return f"AOLI_{re.sub(r'[^A-Za-z0-9]', '_', mount).upper()}_PATH"
