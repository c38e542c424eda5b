"""What this machine lets us do, found out once per start of the machine and user."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from portal.adapters.local.layout import read_json, write_json
from portal.adapters.local.shim.record import boot_id

SHIM = Path(__file__).parent / "shim"
PYTHON_FLAGS = ("-I", "-S", "-X", "utf8")
"""Isolated and without site packages: a shim starts in a third of the time."""


def clean_python_env() -> dict[str, str]:
    """Environment of our own small processes; a Python may need its library path."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"LANG": "C.UTF-8", **kept}


def namespace_kind(state_dir: Path) -> str:
    """How a replica gets its own root: ``mount``, ``user`` or ``''`` for not at all."""
    key = f"{boot_id()} {os.getuid()}"
    path = state_dir / "capabilities.json"
    known = read_json(path)
    if known and known.get("key") == key:
        return str(known["namespace"])
    found = _probe()
    _keep(path, {"key": key, "namespace": found})
    return found


def can_change_user(state_dir: Path, uid: int) -> bool:
    """Whether commands can be given this user id (a container may know only a few)."""
    key = f"{boot_id()} {os.getuid()} {uid}"
    path = state_dir / "user_ids.json"
    known = read_json(path)
    if known and known.get("key") == key:
        return bool(known["works"])
    works = _probe(str(uid)) == str(uid)
    _keep(path, {"key": key, "works": works})
    return works


def _keep(path: Path, found: dict[str, str | bool]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_json(path, found)


def _probe(*wanted: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, *PYTHON_FLAGS, str(SHIM / "probe.py"), folder, *wanted],
                env=clean_python_env(),
                capture_output=True,
                timeout=20,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return ""
    return done.stdout.decode() if done.returncode == 0 else ""
