"""Read the kept output, as it grows if wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

POLL_S = 0.1
READ_SIZE = 256 * 1024


def read_lines(path: Path, since: datetime | None, goes_on: Callable[[], bool]) -> Iterator[bytes]:
    """Whole lines; waits for more as long as ``goes_on()``."""
    first = b"" if since is None else _second(since)
    rest = b""
    position = 0
    more = True
    while more:
        # Asked before reading: what came before the end is then read for sure.
        more = goes_on()
        for chunk in _chunks(path, position):
            position += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line + b"\n" for line in lines if line[:19] >= first)
        if more:
            time.sleep(POLL_S)


def _chunks(path: Path, position: int) -> Iterator[bytes]:
    """What the file holds from ``position`` on; opened anew, for it may not be there yet."""
    try:
        with path.open("rb") as file:
            file.seek(position)
            while chunk := file.read(READ_SIZE):
                yield chunk
    except FileNotFoundError:
        return


def _second(moment: datetime) -> bytes:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
