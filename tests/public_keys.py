"""Lines of public SSH keys, as ``ssh-keygen`` writes them."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def line_of(private_key: Any) -> str:
    """The line of a ``.pub`` file, without a comment."""
    return private_key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def key_line(number: int = 1) -> str:
    """The line of an ed25519 key: of each number another one, the same in every run.

    A random one looks different on every page that shows it, and now and then like a word.
    """
    return line_of(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))
