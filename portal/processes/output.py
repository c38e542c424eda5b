"""What children print: passed on line by line, each with its name in front."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO

from portal.processes.event_loop import EventLoop


class Output:
    """Reads a child's pipe whenever there is something in it."""

    def __init__(
        self,
        loop: EventLoop,
        pipe: IO[bytes],
        name: str,
        say: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._pipe = pipe
        self._name = name
        self._say = say
        self._rest = b""
        os.set_blocking(self._pipe.fileno(), False)
        loop.on_readable(self._pipe.fileno(), self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._pipe.fileno(), 65536)
        except BlockingIOError:
            return
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if not data:
            lines.append(self._rest)
            self._loop.forget(self._pipe.fileno())
            self._pipe.close()
        for line in lines:
            if line:
                self._say(f"{self._name:<9} | {line.decode('utf-8', 'replace')}")
