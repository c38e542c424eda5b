"""The browser that is used, and a portal at an address for it."""

from __future__ import annotations

import os
import threading

from house import House
from playwright.sync_api import ConsoleMessage, Page
from web_house import WebHouse
from werkzeug.serving import make_server

from portal.web import sse

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Site:
    """The portal at an address of this machine."""

    def __init__(self, web_house: WebHouse) -> None:
        self.house: House = web_house.house
        self.app = web_house.app
        self._server = make_server("127.0.0.1", 0, web_house.app, threaded=True)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the streams, then the server."""
        sse.stop_streams(self.app)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


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
