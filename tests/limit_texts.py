"""Texts and names exactly at their limits in bytes, in Chinese and in emoji."""

from __future__ import annotations

from portal.domain import limits

UNITS = {"chinese": "训", "emoji": "🚀"}
SCRIPT = 'printf %s "$TEXT" | wc -c; : > "$AOLI_WORK_PATH/made"; : '
"""Counts the bytes that arrived, leaves a file in the mounted folder, ignores the rest."""


def filled(unit: str, size_bytes: int, begin: str = "") -> str:
    """``begin``, then ``unit`` again and again; of exactly so many bytes."""
    left = size_bytes - len(begin.encode())
    count, rest = divmod(left, len(unit.encode()))
    return begin + "x" * rest + unit * count


def command(unit: str, more: int = 0) -> str:
    """A command at the limit, or ``more`` bytes over it, that runs."""
    return filled(unit, limits.MAX_COMMAND_BYTES + more, SCRIPT)


def value(unit: str, more: int = 0) -> str:
    """The value of a variable."""
    return filled(unit, limits.MAX_ENV_VALUE_BYTES + more)


def folder(unit: str, more: int = 0) -> str:
    """The name of a folder."""
    return filled(unit, limits.MAX_FOLDER_BYTES + more)


def variables(unit: str, more: int = 0) -> dict[str, str]:
    """Variables that with :func:`command` are as much as there may be of both together."""
    env = {"TEXT": value(unit)}
    used = limits.MAX_COMMAND_BYTES + len("TEXT") + limits.MAX_ENV_VALUE_BYTES + len("REST")
    return {**env, "REST": filled(unit, limits.MAX_TOGETHER_BYTES - used + more)}


def whole(unit: str) -> dict[str, object]:
    """The part of a submission that is at all its limits at once."""
    return {
        "name": "训" * limits.MAX_NAME,
        "command": command(unit),
        "env": variables(unit),
        "mounts": {"work": {"enabled": True, "sub_path": folder(unit)}},
    }


def over(unit: str) -> list[tuple[str, dict[str, object]]]:
    """Field, and what is one byte (or, of a name, one character) too much there."""
    return [
        ("name", {"name": "训" * (limits.MAX_NAME + 1)}),
        ("command", {"command": command(unit, 1)}),
        ("env.TEXT", {"env": {"TEXT": value(unit, 1)}}),
        ("env", {"command": command(unit), "env": variables(unit, 1)}),
        ("mounts.work.sub_path", {"mounts": {"work": {"sub_path": f"a/{folder(unit, 1)}/b"}}}),
    ]
