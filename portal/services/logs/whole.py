"""All of a kept output as a stream: one file, or several as one in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from portal.domain.kept_line import plain, sort_key, stamp_of, text_of
from portal.services.logs.files import reading, whole_lines
from portal.services.logs.outputs import View

_BLOCK = 64 * 1024
_BATCH = 500


def whole(view: View) -> Iterator[tuple[int, bytes]]:
    """Every line with the number of its file in the view."""
    runs = [_run(file, path) for file, path in enumerate(view.paths)]
    found = runs[0] if len(runs) == 1 else heapq.merge(*runs, key=lambda item: item[0])
    return ((file, line) for _, file, line in found)


def as_text(
    view: View, *, times: bool, styles: bool, labels: tuple[str, ...] = ()
) -> Iterator[bytes]:
    """The output as a text, in parts; each line behind its time and its file's label if asked.

    Without ``styles`` it is what one reads: no escape sequences, nothing typed over.
    """
    lines = (
        (stamp_of(line) + b" " if times else b"")
        + (f"{labels[file]} ".encode() if labels else b"")
        + _text(line, styles)
        + b"\n"
        for file, line in whole(view)
    )
    while part := b"".join(islice(lines, _BATCH)):
        yield part


def as_read(line: bytes, *, times: bool, styles: bool) -> bytes:
    """One kept line as the readers have it, with its end."""
    text = _text(line, styles) + b"\n"
    return stamp_of(line) + b" " + text if times else text


def _text(line: bytes, styles: bool) -> bytes:
    text = text_of(line)
    return text if styles else plain(text)


def _run(file: int, path: Path) -> Iterator[tuple[bytes, int, bytes]]:
    latest = b""
    for line in whole_lines(_blocks(path)):
        latest = max(latest, sort_key(line))
        yield latest, file, line


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with reading(), path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except FileNotFoundError:
        return
