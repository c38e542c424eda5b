"""Client commands: they speak to a portal over its API."""

from __future__ import annotations

import click


def register(cli: click.Group) -> None:
    """Add the commands of this module to ``cli``."""
