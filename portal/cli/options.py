"""What every client command takes, and how its words become addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote as encode

import click

from portal.cli.http import connect

Command = TypeVar("Command", bound=Callable[..., Any])


def portal_options(command: Command) -> Command:
    """Add ``--json`` and ``--url``; the command gets ``as_json`` and ``api``."""

    def with_api(*arguments: Any, url: str | None, **options: Any) -> Any:
        return command(*arguments, api=connect(url), **options)

    with_api.__name__, with_api.__doc__ = command.__name__, command.__doc__
    with_api.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    wrapped: Any = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(with_api)
    wrapped = click.option("--url", help="The portal (default: AOLI_URL, then the last login).")(
        wrapped
    )
    done: Command = wrapped
    return done


def quote(text: str) -> str:
    """A name as part of an address."""
    return encode(text, safe="")
