"""Functions that the worker tests put into the queue; imported by the worker's process."""

from __future__ import annotations

import time
from pathlib import Path

from portal.domain.errors import TemporaryFailure


def write(path: str, text: str) -> None:
    with Path(path).open("a") as file:
        file.write(text + "\n")


def linger(path: str, seconds: str) -> None:
    write(path, "begun")
    time.sleep(float(seconds))
    write(path, "ended")


def fail(words: str) -> None:
    raise RuntimeError(words)


def stumble(words: str) -> None:
    raise TemporaryFailure(words)
