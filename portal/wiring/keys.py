"""The keys that seal what must not be read: given, or made once and kept."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from portal.services.records.vault import split_keys
from portal.settings import Settings, SettingsError


def secret_keys(settings: Settings) -> tuple[str, ...]:
    """The keys set, newest first, else one made at the first start, in ``data_dir/secret_key``.

    The newest signs and seals; what older ones signed or sealed is still taken. Raises
    ``SettingsError`` when the file is empty or cannot be used.
    """
    given = split_keys(settings.secret_key.get_secret_value())
    return given or _kept_keys(settings)


def _kept_keys(settings: Settings) -> tuple[str, ...]:
    path = settings.data_dir / "secret_key"
    try:
        if not path.exists():
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_once(path, secrets.token_urlsafe(48))
        text = path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(
            f"{error.filename or path}: {error.strerror}; the secret key is kept there"
            " (AOLI_DATA_DIR names another folder, AOLI_SECRET_KEY needs none)"
        ) from error
    kept = split_keys(text)
    if not kept:
        raise SettingsError(f"{path}: there is no key in it; bring it back, or remove the file")
    return kept


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
