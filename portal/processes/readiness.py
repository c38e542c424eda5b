"""Whether the web process answers: one request, waited for without blocking."""

from __future__ import annotations

import socket
from collections.abc import Callable

from portal.processes.event_loop import EventLoop

RETRY_S = 0.2
REQUEST = b"GET /healthz HTTP/1.0\r\nHost: %s\r\n\r\n"


class ReadyProbe:
    """Asks ``/healthz`` until it answers, then calls back once.

    The supervisor holds the listening socket, so the question can be put at once: it waits
    there until the web process takes it.
    """

    def __init__(self, loop: EventLoop, address: tuple[str, int], on_ready: Callable[[], None]):
        self._loop = loop
        self._address = address
        self._on_ready = on_ready

    def ask(self) -> None:
        """Put the question."""
        host, port = self._address
        try:
            client = socket.create_connection((host, port), timeout=1)
            client.sendall(REQUEST % f"{host}:{port}".encode())
        except OSError:
            self._loop.after(RETRY_S, self.ask)
            return
        client.setblocking(False)
        self._loop.on_readable(client.fileno(), lambda: self._heard(client))

    def _heard(self, client: socket.socket) -> None:
        try:
            answer = client.recv(64)
        except OSError:
            answer = b""
        self._loop.forget(client.fileno())
        client.close()
        status = answer.split(b" ", 2)[1:2]
        if status == [b"200"]:
            self._on_ready()
        else:
            self._loop.after(RETRY_S, self.ask)
