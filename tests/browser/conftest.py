"""Chromium in front of a whole portal; the cluster does what the test says, when it says it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import ARGUMENTS, CHROMIUM, Complaints, Site
from house import PASSWORD
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from scenes import Visitor
from showcase import start
from web_house import WebHouse

WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder need a browser."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker("browser")


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


@pytest.fixture(scope="session")
def visitor(chromium: Browser) -> Iterator[Visitor]:
    """Goes to every page of the showcase, which nobody may change lastingly."""
    with start() as showcase:
        yield Visitor(chromium, showcase)


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
