"""What tells of a secret, and texts without them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

HIDDEN = "(hidden)"
SHORTEST = 4
"""Shorter values are not looked for in a text: they are in every word."""
_WORDS = (
    "passw|passphrase|pwd|secret|token|credential|api_?key|access_?key|private_?key|auth|cookie|dsn"
)
_NAME = re.compile(rf"{_WORDS}|(?:^|[_.-])(?:key|pass|pat)(?:$|[_.-])", re.IGNORECASE)
_VALUE = r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&|]+)"
_GIVEN = re.compile(rf"(?P<name>-{{0,2}}[A-Za-z_][\w.-]*)(?P<joint>\s*[=:]\s*){_VALUE}")
_OPTION = re.compile(rf"(?P<name>--?[A-Za-z][\w.-]*)(?P<joint>\s+)(?!-){_VALUE}")
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/@]+@")
_BEARER = re.compile(r"\b(?P<word>Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}")


def tells_of_secret(name: str) -> bool:
    """Whether what is called so is likely a secret: ``WANDB_API_KEY``, ``--db-password``."""
    return _NAME.search(name) is not None


def without_secrets(text: str, values: Iterable[str] = ()) -> str:
    """``text`` without ``values``, without what is given to a secret's name, without log-ins."""
    for value in sorted((v for v in values if len(v) >= SHORTEST), key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    text = _LOGIN.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _BEARER.sub(rf"\g<word> {HIDDEN}", text)
    return _OPTION.sub(_blotted, _GIVEN.sub(_blotted, text))


def redacted_env(env: Mapping[str, str], instead: str = HIDDEN) -> dict[str, str]:
    """Environment variables for a reader who may only look: all names, no secret values.

    ``instead`` stands for the whole value of a variable whose name tells of a secret; log-ins
    inside other values are :data:`HIDDEN`.
    """
    return {
        name: instead if tells_of_secret(name) else without_secrets(value)
        for name, value in env.items()
    }


def redacted_command(command: str, env: Mapping[str, str]) -> str:
    """``command`` for a reader who may only look, without the secret values of ``env`` either."""
    secrets = (value for name, value in env.items() if tells_of_secret(name))
    return without_secrets(command, secrets)


def _blotted(given: re.Match[str]) -> str:
    if not tells_of_secret(given["name"]):
        return given[0]
    return f"{given['name']}{given['joint']}{HIDDEN}"
