"""Chromium in front of a whole portal; the cluster does what the test says, when it says it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from house import PASSWORD, House
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from web_house import WebHouse
from werkzeug.serving import make_server

from portal.web import sse

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder need a browser."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker("browser")


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


@pytest.fixture
def site(web_house: WebHouse) -> Iterator[Site]:
    """A portal to look at."""
    opened = Site(web_house)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Complaints(list[str]):
    """What the page's scripts complained of; a test that ends with any fails."""

    def listen(self, page: Page) -> None:
        """Hear of errors and of what the content policy blocked."""
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on(
            "console",
            lambda message: self.append(message.text) if _matters(message) else None,
        )


def _matters(message: object) -> bool:
    text, kind = getattr(message, "text", ""), getattr(message, "type", "")
    return kind in ("error", "warning") and "Failed to load resource" not in text


@pytest.fixture
def context(chromium: Browser, site: Site) -> Iterator[BrowserContext]:
    """A fresh profile."""
    opened = chromium.new_context(
        base_url=site.url, viewport={"width": 1440, "height": 900}, timezone_id="Asia/Shanghai"
    )
    opened.set_default_timeout(WAIT_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab in which no script may complain."""
    complaints = Complaints()
    opened = context.new_page()
    complaints.listen(opened)
    yield opened
    opened.goto("about:blank")  # a context that closes amid a page's requests may hang
    assert complaints == []


@pytest.fixture
def signed_in(page: Page) -> Page:
    """Alice at Home, signed in through the form."""
    page.goto("/login/")
    page.get_by_label("Account").fill("alice")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Home", exact=True).wait_for()
    return page
