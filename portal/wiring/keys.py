"""The key that seals what must not be read: given, or made once and kept."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from portal.settings import Settings


def secret_key(settings: Settings) -> str:
    """The key set, else one made at the first start and kept in ``data_dir/secret_key``."""
    given = settings.secret_key.get_secret_value()
    if given:
        return given
    path = settings.data_dir / "secret_key"
    if not path.exists():
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_once(path, secrets.token_urlsafe(48))
    return path.read_text("utf-8").strip()


def _write_once(path: Path, text: str) -> None:
    """Write a private file unless another process was first; whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
