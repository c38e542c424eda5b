"""What somebody pastes as their SSH key: read, checked for strength, brought into one form."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
    ssh_key_fingerprint,
)

from portal.domain.errors import WrongValue

Key = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey
MAX_LENGTH = 8192
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 16384
_LINE = re.compile(r"([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(.*))?", re.ASCII)
_KINDS = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    }
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """``line`` is the key without comment; ``fingerprint`` as OpenSSH shows it (SHA256:…)."""

    line: str
    fingerprint: str


def read_public_key(value: Any) -> PublicKey:
    """The key in a line of a ``.pub`` file; raises ``WrongValue``."""
    if not isinstance(value, str) or not value.strip():
        raise WrongValue("Required")
    text = value.strip()
    if "PRIVATE KEY" in text:
        raise WrongValue(
            "This is a private key. Keep it to yourself and enter the public one (.pub)"
        )
    found = _LINE.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None:
        raise WrongValue("Enter one line such as ssh-ed25519 AAAA… name")
    if found[1] not in _KINDS:
        raise WrongValue("Use a key of type ed25519, ecdsa or rsa")
    key = _load(f"{found[1]} {found[2]}")
    return PublicKey(
        key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(), _fingerprint(key)
    )


def _load(line: str) -> Key:
    try:
        key = load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise WrongValue("This is not a whole SSH key; copy it again") from None
    if not isinstance(key, (Ed25519PublicKey, EllipticCurvePublicKey, RSAPublicKey)):
        raise WrongValue("Use a key of type ed25519, ecdsa or rsa")
    if isinstance(key, RSAPublicKey) and not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise WrongValue(
            "An RSA key must have %(min)s to %(max)s bits; this one has %(bits)s",
            min=MIN_RSA_BITS,
            max=MAX_RSA_BITS,
            bits=key.key_size,
        )
    return key


def _fingerprint(key: Key) -> str:
    digest = ssh_key_fingerprint(key, hashes.SHA256())
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
