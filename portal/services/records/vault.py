"""Secrets at rest: sealed with the portal's secret keys (Fernet: AES-128-CBC + HMAC)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from portal.domain.errors import PermanentFailure
from portal.domain.job import RegistryLogin


class Vault:
    """Seals with the newest secret key (the first); opens with any of them."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([_fernet(key) for key in secret_keys])

    def seal(self, login: RegistryLogin) -> str:
        """The login as text that only these keys open."""
        plain = json.dumps([login.server, login.username, login.password])
        return self._fernet.encrypt(plain.encode()).decode()

    def open(self, sealed: str) -> RegistryLogin:
        """Undo :meth:`seal`; raises ``PermanentFailure`` when its key is no longer there."""
        try:
            plain = self._fernet.decrypt(sealed.encode())
        except InvalidToken:
            raise PermanentFailure(
                "the registry password cannot be read: the portal's secret key has changed"
            ) from None
        server, username, password = json.loads(plain)
        return RegistryLogin(server, username, password)


def split_keys(text: str) -> tuple[str, ...]:
    """The keys of a setting, newest first: commas or the ends of lines between them."""
    return tuple(key for part in re.split(r"[,\r\n]", text) if (key := part.strip()))


def _fernet(secret_key: str) -> Fernet:
    digest = hashlib.sha256(b"aoli vault 1:" + secret_key.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
