"""Where ``aoli login`` keeps its tokens: one private file below the user's configuration."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Login:
    """Signed in to the portal at ``url``; ``refresh_token`` may be empty."""

    url: str
    username: str
    access_token: str
    refresh_token: str = ""


def path() -> Path:
    """The file, ``aoli/login.json`` in ``XDG_CONFIG_HOME``."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "aoli" / "login.json"


def _read() -> dict[str, Any]:
    try:
        stored = json.loads(path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def current_url() -> str | None:
    """The portal that was signed in to last."""
    url = _read().get("current")
    return url if isinstance(url, str) else None


def load(url: str) -> Login | None:
    """The login of a portal."""
    stored = _read().get("logins", {}).get(url)
    try:
        return Login(**stored) if stored else None
    except TypeError:  # written by another version
        return None


def save(login: Login) -> None:
    """Keep a login and make its portal the current one."""
    stored = _read()
    logins = {**stored.get("logins", {}), login.url: asdict(login)}
    _write({"current": login.url, "logins": logins})


def forget(url: str) -> bool:
    """Drop the login of a portal; whether there was one."""
    stored = _read()
    logins = dict(stored.get("logins", {}))
    if logins.pop(url, None) is None:
        return False
    current = stored.get("current")
    _write({"current": None if current == url else current, "logins": logins})
    return True


def _write(stored: dict[str, Any]) -> None:
    """Whole or not at all, and readable by its owner only."""
    target = path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(stored, file, indent=2)
    draft.replace(target)
