"""Secrets at rest: sealed with the portal's secret key (Fernet: AES-128-CBC + HMAC)."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.fernet import Fernet, InvalidToken

from portal.domain.errors import PermanentFailure
from portal.domain.job import RegistryLogin


class Vault:
    """Seals and opens with a key derived from the secret key."""

    def __init__(self, secret_key: str) -> None:
        digest = hashlib.sha256(b"aoli vault 1:" + secret_key.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, login: RegistryLogin) -> str:
        """The login as text that only this key opens."""
        plain = json.dumps([login.server, login.username, login.password])
        return self._fernet.encrypt(plain.encode()).decode()

    def open(self, sealed: str) -> RegistryLogin:
        """Undo :meth:`seal`; raises ``PermanentFailure`` when the secret key has changed."""
        try:
            plain = self._fernet.decrypt(sealed.encode())
        except InvalidToken:
            raise PermanentFailure(
                "the registry password cannot be read: the portal's secret key has changed"
            ) from None
        server, username, password = json.loads(plain)
        return RegistryLogin(server, username, password)
