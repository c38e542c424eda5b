"""Every page of the portal, and every state of one worth a look: who sees it, how to get there.

Used by the pictures (:mod:`screenshots`) and by the tests that hold for every page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from chromium import Complaints
from house import PASSWORD
from playwright.sync_api import Browser, BrowserContext, Page, StorageState
from showcase import ADMIN, NEWCOMER, RESEARCHER, Showcase

WIDTHS = {1440: 900, 390: 844}
THEMES = ("light", "dark")
LANGUAGES = ("en", "zh")
PHONE, DESK = 390, 1440

NOBODIES = count(1)
"""Wrong passwords are counted for each name, so each try takes another one."""

Step = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """``path`` may name ids of the showcase; ``then`` is done once the page is there."""

    path: str
    reader: str | None = ADMIN
    then: Step | None = None
    widths: tuple[int, ...] = tuple(WIDTHS)
    status: int = 200


def click(*selectors: str) -> Step:
    """Click one after the other."""

    def act(page: Page) -> None:
        for selector in selectors:
            page.locator(selector).first.click()

    return act


def dialog(*selectors: str) -> Step:
    """Click until a dialog is open."""

    def act(page: Page) -> None:
        click(*selectors)(page)
        page.locator("dialog[open]").wait_for()

    return act


def search(page: Page) -> None:
    """The palette under the search field."""
    page.locator("[data-global-search]").press_sequentially("npu")
    page.locator("#palette [role=option]").first.wait_for()


def pick_rows(page: Page) -> None:
    """Select three jobs."""
    for box in page.locator(".pick").all()[1:4]:
        box.check(force=True)


def kill_picked(page: Page) -> None:
    """Ask for the end of the jobs selected."""
    pick_rows(page)
    dialog("#bulk [value=kill]")(page)


def set_priorities(page: Page) -> None:
    """Ask for one priority for the jobs selected."""
    pick_rows(page)
    dialog("#bulk-priority")(page)


def edit_priority(page: Page) -> None:
    """The field in the row."""
    page.locator(".prio").first.click()
    page.locator(".prioin").wait_for()


def foot(page: Page) -> None:
    """The end of the list."""
    page.locator(".pager").scroll_into_view_if_needed()


def wrong_form(page: Page) -> None:
    """A submission with mistakes."""
    page.locator("#f-interactive_ports").fill("40080, 39000")
    page.locator("#submit-job").click()
    page.locator("#form-errors").wait_for()


def wrong_password(page: Page) -> None:
    """Sign in as nobody."""
    page.locator("[name=username]").fill(f"nobody-{next(NOBODIES)}")
    page.locator("[name=password]").fill("wrong password")
    page.locator("button.pri").click()
    page.locator("[role=alert]").wait_for()


def first_user(page: Page) -> None:
    """Step one of the wizard, filled."""
    for column, text in (("username", "nina"), ("nickname", "Nina"), ("password", PASSWORD)):
        page.locator(f"[data-row] [data-col={column}]").first.fill(text)


def second_step(page: Page) -> None:
    """Step two: roles."""
    first_user(page)
    page.locator("[data-next]").click()
    page.locator("[data-step='2']").wait_for()


def third_step(page: Page) -> None:
    """Step three: look before creating."""
    second_step(page)
    page.locator("[data-step='2'] .cb").first.check()
    page.locator("[data-next]").click()
    page.locator("[data-step='3']").wait_for()


def group_steps(page: Page) -> None:
    """The group's wizard up to its preview."""
    page.locator("[name=name]").fill("night-shift")
    page.locator("[name=description]").fill("Long trainings")
    page.locator("[data-next]").click()
    page.locator("[data-step='2'] .cb").first.check()
    page.locator("[data-next]").click()
    page.locator("[data-step='3']").wait_for()


def unanswered(address: str, act: Step) -> Step:
    """The server keeps an address waiting: the panel's skeleton."""

    def then(page: Page) -> None:
        page.route(address, lambda route: None)
        act(page)
        page.locator(".skel").first.wait_for()

    return then


def refused(address: str, act: Step) -> Step:
    """Nothing answers at an address: the panel says so."""

    def then(page: Page) -> None:
        page.route(address, lambda route: route.abort())
        act(page)
        page.locator("[data-again]").wait_for()

    return then


def again(page: Page) -> None:
    """Load the page once more."""
    page.reload(wait_until="commit")


def other_range(page: Page) -> None:
    """Ask for another time."""
    page.locator("[data-key='range-24h']").click()


def ask_of_template(page: Page) -> None:
    """The first template is asked about."""
    dialog("[data-open-dialog=delete-dialog]")(page)
    page.locator("#delete-dialog summary").first.click()


def as_table(page: Page) -> None:
    """Both charts as numbers."""
    for button in page.locator("[data-as-table]").all():
        button.click()
    page.locator("[data-chart=allocated] table").wait_for()


PREVIEW, LINES, USAGE = "**/submit/preview", "**/lines?*", "**/cluster/usage?*"
ADVANCED = click("#advanced summary", "[name='registry.enabled']")
SCENES: dict[str, Scene] = {
    "login": Scene("/login/", None),
    "login-refused": Scene("/login/?next=/jobs/", None, then=wrong_password),
    "sign-up": Scene("/sign-up/", None),
    "home": Scene("/"),
    "home-researcher": Scene("/", RESEARCHER),
    "home-empty": Scene("/", "sofia"),
    "menu-user": Scene("/", then=click(".drop.end > summary")),
    "menu-vc": Scene("/", then=click(".side-l .drop > summary")),
    "menu-drawer": Scene("/", then=click(".topbar [data-side-switch]"), widths=(PHONE,)),
    "menu-search": Scene("/", then=search, widths=(DESK,)),
    "menu-more": Scene("/", then=click(".home .card.dev details > summary")),
    "shortcuts": Scene("/", then=dialog(".foot [data-open-dialog]"), widths=(DESK,)),
    "submit": Scene("/submit/"),
    "submit-clone": Scene("/submit/?clone={npu_test_8npu}"),
    "submit-errors": Scene("/submit/", then=wrong_form, widths=(DESK,)),
    "submit-advanced": Scene("/submit/?clone={npu_test_8npu}", then=ADVANCED),
    "submit-loading": Scene("/submit/", then=unanswered(PREVIEW, again), widths=(DESK,)),
    "submit-failed": Scene("/submit/", then=refused(PREVIEW, again)),
    "submit-template": Scene("/submit/", then=dialog("#save-template"), widths=(DESK,)),
    "submit-templates": Scene("/submit/", then=ask_of_template),
    "submit-env": Scene(
        "/submit/", then=dialog("#advanced summary", "[data-open-dialog=env-dialog]")
    ),
    "submit-yaml": Scene("/submit/", then=dialog("[data-open-dialog=yaml-dialog]"), widths=(DESK,)),
    "jobs": Scene("/jobs/"),
    "jobs-foot": Scene("/jobs/?page=2", then=foot),
    "jobs-none": Scene("/jobs/?q=horovd&status=paused"),
    "jobs-filtered": Scene("/jobs/?status=active&device_type=nvidia_gpu_amd64&time=30d"),
    "jobs-other": Scene("/jobs/?status=killed"),
    "jobs-all-status": Scene("/jobs/all?status=running"),
    "jobs-empty": Scene("/jobs/", "sofia"),
    "jobs-all": Scene("/jobs/all"),
    "jobs-picked": Scene("/jobs/all", then=pick_rows, widths=(DESK,)),
    "jobs-priority": Scene("/jobs/all", then=edit_priority, widths=(DESK,)),
    "jobs-columns": Scene("/jobs/all", then=click(".columns > summary"), widths=(DESK,)),
    "jobs-priorities": Scene("/jobs/all", then=set_priorities, widths=(DESK,)),
    "jobs-kill": Scene("/jobs/all", then=kill_picked, widths=(DESK,)),
    "job-brief": Scene("/jobs/{npu_test_8npu}"),
    "job-kill": Scene("/jobs/{npu_test_8npu}", then=dialog("[data-confirm=kill-dialog]:visible")),
    "job-support": Scene("/jobs/{npu_test_8npu}/support"),
    "job-waiting": Scene("/jobs/{horovod}"),
    "job-waiting-behind": Scene("/jobs/{ssd_mobilenet}"),
    "job-failed": Scene("/jobs/{horovod_sweep}"),
    "job-error": Scene("/jobs/{wmt_big}"),
    "job-researcher": Scene("/jobs/{resnet50_imagenet}", RESEARCHER),
    "job-console": Scene("/jobs/{npu_test_8npu}/console"),
    "job-console-ranks": Scene("/jobs/{horovod_sweep}/console"),
    "job-console-together": Scene("/jobs/{horovod_sweep}/console?pod=*"),
    "job-console-go": Scene("/jobs/{npu_test_8npu}/console", then=click("#go > summary")),
    "job-console-loading": Scene(
        "/jobs/{npu_test_8npu}/console", then=unanswered(LINES, again), widths=(DESK,)
    ),
    "job-console-failed": Scene("/jobs/{npu_test_8npu}/console", then=refused(LINES, again)),
    "job-starting": Scene("/jobs/{llama_lora_sft}"),
    "job-console-empty": Scene("/jobs/{horovod}/console"),
    "cluster": Scene("/cluster/"),
    "cluster-users": Scene("/cluster/users?all=1"),
    "cluster-users-none": Scene("/cluster/users?q=nobody"),
    "cluster-usage": Scene("/cluster/usage"),
    "cluster-usage-table": Scene("/cluster/usage", then=as_table),
    "cluster-usage-loading": Scene(
        "/cluster/usage", then=unanswered(USAGE, other_range), widths=(DESK,)
    ),
    "cluster-usage-failed": Scene("/cluster/usage", then=refused(USAGE, other_range)),
    "cluster-nodes": Scene("/cluster/nodes"),
    "cluster-node": Scene("/cluster/nodes?node=atlas-gpu01"),
    "cluster-researcher": Scene("/cluster/nodes", RESEARCHER),
    "vc": Scene("/virtual-clusters/"),
    "vc-researcher": Scene("/virtual-clusters/", RESEARCHER),
    "vc-add": Scene("/virtual-clusters/", then=dialog("a[href$='/add']:visible")),
    "vc-modify": Scene("/virtual-clusters/", then=dialog("a[href*='edge/modify']")),
    "vc-delete": Scene("/virtual-clusters/", then=dialog("a[href*='edge/delete']")),
    "vc-page": Scene("/virtual-clusters/add"),
    "plugins": Scene("/plugins/"),
    "account": Scene("/account/"),
    "account-keys": Scene("/account/", then=click("#keys summary", "#ssh-keys summary")),
    "account-open": Scene(
        "/account/", RESEARCHER, then=click(".more > summary >> nth=0", ".more > summary >> nth=1")
    ),
    "account-no-role": Scene("/account/", NEWCOMER),
    "dashboard": Scene("/dashboard/"),
    "users": Scene("/dashboard/users/"),
    "users-none": Scene("/dashboard/users/?q=nobody"),
    "user": Scene("/dashboard/users/{user_liang}"),
    "user-roles": Scene("/dashboard/users/{user_liang}/roles"),
    "user-groups": Scene("/dashboard/users/{user_liang}/groups"),
    "user-disable": Scene("/dashboard/users/{user_liang}/disable"),
    "user-delete": Scene("/dashboard/users/{user_hana}/delete"),
    "user-new-1": Scene("/dashboard/users/new/", then=first_user),
    "user-new-2": Scene("/dashboard/users/new/", then=second_step),
    "user-new-3": Scene("/dashboard/users/new/", then=third_step),
    "user-paste": Scene("/dashboard/users/new/", then=dialog("[data-paste-open]")),
    "groups": Scene("/dashboard/groups/"),
    "group": Scene("/dashboard/groups/{group_speech}"),
    "group-users": Scene("/dashboard/groups/{group_speech}/users"),
    "group-delete": Scene("/dashboard/groups/{group_speech}/delete"),
    "group-new": Scene("/dashboard/groups/new/"),
    "group-new-3": Scene("/dashboard/groups/new/", then=group_steps),
    "roles": Scene("/dashboard/roles/"),
    "role": Scene("/dashboard/roles/{role_Researcher}"),
    "role-changed": Scene(
        "/dashboard/roles/{role_Researcher}", then=click("[value=view_all_jobs]"), widths=(DESK,)
    ),
    "role-new": Scene("/dashboard/roles/new"),
    "role-users": Scene("/dashboard/roles/{role_Researcher}/users"),
    "audit": Scene("/dashboard/audit/"),
    "audit-none": Scene("/dashboard/audit/?q=nobody"),
    "not-found": Scene("/nothing", status=404),
    "not-authorized": Scene("/dashboard/", RESEARCHER, status=403),
    "not-authorized-yet": Scene("/", NEWCOMER, status=403),
    "broken": Scene("/_broken", status=500),
    "components": Scene("/_components"),
}


@dataclass
class Visitor:
    """Goes through the scenes; signs everybody in once."""

    browser: Browser
    showcase: Showcase
    _sessions: dict[str, StorageState] = field(default_factory=dict)
    _profiles: dict[tuple[str | None, str, str], BrowserContext] = field(default_factory=dict)

    @contextmanager
    def at(
        self, scene: Scene, width: int, theme: str = "light", language: str = "en"
    ) -> Iterator[tuple[Page, Complaints]]:
        """A tab in which the scene stands, and what its scripts complained of."""
        profile = self._profile(scene.reader, theme, language)
        heard, page = Complaints(), profile.new_page()
        page.set_viewport_size({"width": width, "height": WIDTHS[width]})
        heard.listen(page)
        answer = page.goto(scene.path.format(**self.showcase.ids), wait_until="load")
        if answer is None or answer.status != scene.status:
            heard.append(f"status {answer and answer.status}")
        page.evaluate("document.fonts.ready")
        if scene.then is not None:
            scene.then(page)
        try:
            yield page, heard
        finally:
            page.unroute_all(behavior="ignoreErrors")
            page.evaluate("localStorage.clear(); sessionStorage.clear()")
            page.goto("about:blank")  # a page that closes amid its requests may hang
            page.close()

    def _profile(self, reader: str | None, theme: str, language: str) -> BrowserContext:
        """A profile as if it were fresh; scripts and fonts are in its cache from then on."""
        key = (reader, theme, language)
        if key not in self._profiles:
            self._profiles[key] = self.context(reader, DESK, theme, language)
            return self._profiles[key]
        profile = self._profiles[key]
        profile.clear_cookies()
        if reader:
            profile.add_cookies(self._session(reader)["cookies"])  # type: ignore[arg-type]
        self._choose(profile, theme, language)
        return profile

    def context(self, reader: str | None, width: int, theme: str, language: str) -> BrowserContext:
        """A profile of the reader, or of nobody."""
        opened = self.browser.new_context(
            base_url=self.showcase.url,
            viewport={"width": width, "height": WIDTHS[width]},
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            storage_state=self._session(reader) if reader else None,
        )
        opened.set_default_timeout(60_000)
        self._choose(opened, theme, language)
        return opened

    def _choose(self, profile: BrowserContext, theme: str, language: str) -> None:
        choices = {"theme": theme, "language": language, "zone": "Asia%2FShanghai"}
        profile.add_cookies(
            [
                {"name": name, "value": value, "url": self.showcase.url}
                for name, value in choices.items()
            ]
        )

    def _session(self, reader: str) -> StorageState:
        if reader not in self._sessions:
            context = self.browser.new_context(base_url=self.showcase.url)
            page = context.new_page()
            page.goto("/login/")
            page.fill("[name=username]", reader)
            page.fill("[name=password]", PASSWORD)
            page.click("button.pri")
            page.wait_for_load_state()
            self._sessions[reader] = context.storage_state()
            page.goto("about:blank")
            context.close()
        return self._sessions[reader]
