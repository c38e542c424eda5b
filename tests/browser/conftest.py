"""Chromium in front of a whole portal; the cluster does what the test says, when it says it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from chromium import ARGUMENTS, CHROMIUM, Complaints, Site
from fake_providers import SECRET, FakeProvider
from house import IDS, PASSWORD
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from scenes import Visitor
from showcase import start
from speech import Say
from web_house import WebHouse

from portal.settings import Settings
from portal.web.sign_in import outside

WAIT_MS = 60_000
"""A bound for what never comes, on the slowest machine; what comes is not waited for."""
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
def complaints() -> Complaints:
    """What the scripts of ``page`` complained of."""
    return Complaints()


@pytest.fixture
def end_session(context: BrowserContext) -> Callable[[], None]:
    """``end_session()``: nobody is signed in any more, and no page knows it yet."""

    def end() -> None:
        context.clear_cookies(name="aoli_session")

    return end


@pytest.fixture
def page(context: BrowserContext, complaints: Complaints) -> Iterator[Page]:
    """A tab in which no script may complain."""
    opened = context.new_page()
    complaints.listen(opened)
    yield opened
    opened.goto("about:blank")  # a context that closes amid a page's requests may hang
    assert complaints == []


@pytest.fixture(params=["en", "zh"])
def say(request: pytest.FixtureRequest, context: BrowserContext, site: Site) -> Say:
    """The reader's language, English and then 中文: ``say("Sign in")`` is what the page says."""
    context.add_cookies([{"name": "language", "value": request.param, "url": site.url}])
    return Say(request.param)


@pytest.fixture
def enter(page: Page, context: BrowserContext, site: Site) -> Callable[[str], Page]:
    """``enter("root")``: a session of one of the cast, without the slow check of a password."""

    def sign_in(name: str) -> Page:
        signing = site.app.session_interface.get_signing_serializer(site.app)
        kept = signing.dumps({"_user_id": f"{IDS[name]}.0", "_fresh": True})
        context.add_cookies([{"name": "aoli_session", "value": kept, "url": site.url}])
        return page

    return sign_in


@pytest.fixture
def alice(enter: Callable[[str], Page], say: Say) -> Page:
    """Alice, who reads in the language of ``say``."""
    return enter("alice")


@pytest.fixture
def at_dashboard(enter: Callable[[str], Page], web_house: WebHouse) -> Page:
    """Root, as a System Admin."""
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        root = manager.find_user(username="root")
        root.roles.append(manager.find_role("System Admin"))
        manager.session.commit()
    return enter("root")


@pytest.fixture
def providers(web_house: WebHouse) -> Iterator[FakeProvider]:
    """WeChat and Microsoft on this machine, and the portal told of them."""
    made = FakeProvider()
    made.person = {"openid": "o-1", "unionid": "u-1", "nickname": "梅子"}
    made.claims = {"oid": "oid-1", "name": "Hana Sato", "preferred_username": "hana@atlas.lan"}
    settings = Settings(
        data_dir=web_house.house.settings.data_dir,
        wechat_app_id="wx1",
        wechat_app_secret=SECRET,
        wechat_page_url=made.url,
        wechat_api_url=made.url,
        microsoft_client_id="client-1",
        microsoft_client_secret=SECRET,
        microsoft_url=made.url,
    )
    outside.install(web_house.app, settings)
    yield made
    made.close()


@pytest.fixture
def signed_in(page: Page) -> Page:
    """Alice at Home, signed in through the form."""
    page.goto("/login/")
    page.get_by_label("Account").fill("alice")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Home", exact=True).wait_for()
    page.wait_for_load_state()  # the scripts, which hear the keys
    return page
