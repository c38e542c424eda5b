"""The browser that is used, and a portal at an address for it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Any

from house import House
from playwright.sync_api import ConsoleMessage, Page, Route
from web_house import WebHouse
from werkzeug.serving import ThreadedWSGIServer

from portal.http import streams as sse

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Server(ThreadedWSGIServer):
    """Remembers its connections, so that they can be broken."""

    daemon_threads = True

    def __init__(self, host: str, port: int, app: Any) -> None:
        super().__init__(host, port, app)
        self.connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection."""
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address


class Site:
    """The portal at an address of this machine."""

    def __init__(self, web_house: WebHouse) -> None:
        self.house: House = web_house.house
        self.app = web_house.app
        self._port = 0
        self.begin()
        self.url = f"http://127.0.0.1:{self._port}"

    def begin(self) -> None:
        """Serve, at the same address as before."""
        self.app.extensions["aoli-streams"] = sse.StreamGate(200)
        self._server = Server("127.0.0.1", self._port, self.app)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """Answer nobody any more, without a word: streams break off."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in self._server.connections:
            with contextlib.suppress(OSError):  # it has ended by itself
                connection.shutdown(socket.SHUT_RDWR)
        sse.stop_streams(self.app)

    def close(self) -> None:
        """End the streams, then the server."""
        sse.stop_streams(self.app)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Held:
    """Requests of a page that get no answer until the test gives one."""

    def __init__(self, page: Page, pattern: str) -> None:
        self._page = page
        self._waiting: list[Route] = []
        page.route(pattern, lambda route: self._waiting.append(route))

    def next(self) -> Route:
        """The newest one. What the page shows may be ahead of its request: that is awaited."""
        give_up = time.monotonic() + 60
        while not self._waiting:
            assert time.monotonic() < give_up, "the page asked nothing"
            self._page.evaluate("null")
        return self._waiting.pop()


class Complaints(list[str]):
    """What the page's scripts complained of; a test that ends with any fails."""

    def listen(self, page: Page) -> None:
        """Hear of errors and of what the content policy blocked."""
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on(
            "console",
            lambda message: self.append(message.text) if _matters(message) else None,
        )


def _matters(message: ConsoleMessage) -> bool:
    loud = message.type in ("error", "warning")
    return loud and "Failed to load resource" not in message.text
