"""Lines of public SSH keys, as ``ssh-keygen`` writes them."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def line_of(private_key: Any) -> str:
    """The line of a ``.pub`` file, without a comment."""
    return private_key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def new_line() -> str:
    """The line of a key that nobody has had yet (ed25519)."""
    return line_of(Ed25519PrivateKey.generate())


def fixed_line(number: int) -> str:
    """The line of the ed25519 key number 0 to 255: the same, with its fingerprint, in each run."""
    return line_of(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))
