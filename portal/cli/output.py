"""What the client commands print: aligned tables, facts, times, colours on a terminal only."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

COLOURS = {
    "running": "green",
    "finished": "green",
    "queued": "yellow",
    "scheduling": "yellow",
    "preempting": "yellow",
    "failed": "red",
    "error": "red",
    "ready": "green",
    "ok": "green",
}


def print_json(value: Any) -> None:
    """As JSON, for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns as wide as their widest cell; a status has a colour on a terminal."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(heads, *cells, strict=True)]
    click.echo(_line(heads, widths))
    for row in cells:
        click.echo(_line(row, widths))


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one each line; what is ``None`` is left out."""
    shown = [(name, _text(value)) for name, value in facts if value is not None]
    width = max((_width(name) for name, _ in shown), default=0)
    for name, value in shown:
        first, *rest = value.split("\n")
        click.echo(f"{_padded(name, width)}  {_coloured(first)}")
        for line in rest:
            click.echo(f"{' ' * width}  {line}")


def local_time(text: str | None) -> str | None:
    """A time of the API in this machine's zone, to the second."""
    if text is None:
        return None
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"


def _text(value: Any) -> str:
    if value is None or value == "":
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [_padded(cell, width) for cell, width in zip(cells, widths, strict=True)]
    coloured = [
        text.replace(cell, _coloured(cell), 1) for cell, text in zip(cells, padded, strict=True)
    ]
    return "  ".join(coloured).rstrip()


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Places that a text takes on a terminal: Chinese letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _coloured(text: str) -> str:
    colour = None if os.environ.get("NO_COLOR") else COLOURS.get(text)
    return click.style(text, fg=colour) if colour else text
