"""What holds for every page: no wider than a phone, nothing jumps, nothing complains."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect
from scenes import DESK, PHONE, SCENES, WIDTHS
from screenshots import WIDER
from words_left import english_left

WATCH = """
  window.shifts = [];
  new PerformanceObserver(list => list.getEntries().forEach(entry => {
    if (!entry.hadRecentInput) window.shifts.push(entry);
  })).observe({ type: 'layout-shift', buffered: true });
"""
SHIFTED = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(
  window.shifts.map(entry => [entry.value, ...entry.sources.map(source => source.node)
    .filter(node => node && node.nodeType === 1)
    .map(node => node.tagName + '.' + node.className).slice(0, 3)])))))"""
DRAWN = """() => new Promise(done => {
  const end = performance.now() + 15000;
  const look = () => document.documentElement.scrollWidth <= innerWidth || performance.now() > end
    ? done() : requestAnimationFrame(look);
  look();
})"""
NAMED = (
    *("horovod", "horovod base", "resnet50 8 NPU", "wav2vec fine-tune", "nina", "Nina"),
    *("laptop", "Long trainings"),
    *("night-shift", "nobody", "horovd", "manifest for wmt:latest not found"),
)
"""Names in the scenes, and what the cluster said."""
IN_ENGLISH = ("components",)
"""Shows parts to who develops, with examples."""
MOST_SHIFT = 0.05
"""Of the cumulative layout shift; 0.1 is what is commonly called good."""
QUIET = ("login", "submit-clone", "job-console", "cluster-users", "users", "audit", "account")
LIVE = ("home", "jobs", "jobs-all", "job-brief", "cluster", "cluster-nodes", "vc")


def wider(page: Page) -> list[str]:
    """What is wider than the window, once scripts have had the time to draw."""
    page.evaluate(DRAWN)
    found: list[str] = page.evaluate(WIDER)
    return found


@pytest.mark.parametrize("name", SCENES)
def test_in_chinese_it_fits_and_no_english_is_left(visitor, name):
    """A phone, and twice the size: 200 % zoom of a desk is half its width."""
    scene = SCENES[name]
    sizes = {PHONE: WIDTHS[PHONE]} if PHONE in scene.widths else {}
    sizes |= {DESK // 2: WIDTHS[DESK] // 2} if DESK in scene.widths else {}
    with visitor.at(scene, scene.widths[0], language="zh") as (page, complaints):
        left = [] if name in IN_ENGLISH else english_left(page, *NAMED)
        for width, height in sizes.items():
            page.set_viewport_size({"width": width, "height": height})
            assert wider(page) == [], width
        assert complaints == []
    assert left == []


def test_english_in_chinese_is_found(visitor):
    with visitor.at(SCENES["login"], DESK, language="zh") as (page, _):
        page.evaluate("document.querySelector('h1').textContent = '在 home 上 Sign in'")
        page.evaluate("document.querySelector('[data-reveal]').ariaLabel = 'Show password'")
        assert english_left(page, "home") == ["在 home 上 Sign in", "Show password"]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*LIVE, *QUIET])
def test_late_fonts_move_nothing(visitor, name, width):
    """The page is painted with the system's fonts before its own are there."""
    late: list[Route] = []
    context = visitor.context(SCENES[name].reader, width, "light", "en")
    context.add_init_script(WATCH)
    page = context.new_page()
    page.route("**/*.woff2", lambda route: late.append(route))
    page.goto(SCENES[name].path.format(**visitor.showcase.ids), wait_until="domcontentloaded")
    page.evaluate(SHIFTED)
    for route in late:
        route.continue_()
    page.unroute("**/*.woff2")
    page.evaluate("document.fonts.ready.then(() => true)")
    shifts = page.evaluate(SHIFTED)
    page.goto("about:blank")
    context.close()
    assert sum(shift[0] for shift in shifts) <= MOST_SHIFT, shifts


@pytest.mark.parametrize("name", LIVE)
def test_news_move_nothing(visitor, name):
    """A change of a job arrives while the page is read."""
    context = visitor.context(SCENES[name].reader, DESK, "light", "en")
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(SCENES[name].path.format(**visitor.showcase.ids))
    page.evaluate("document.fonts.ready.then(() => true)")
    expect(page.locator("[data-live-badge]")).to_have_attribute("data-state", "live")
    page.evaluate("window.shifts.length = 0")
    address = f"/jobs/{visitor.showcase.ids['npu_test_8npu']}"
    token = page.locator("[name=csrf_token]").first.input_value()
    with page.expect_response(lambda answer: "x-requested-with" in answer.request.headers):
        for value in ("201", "200"):
            sent = page.request.post(
                f"{address}/priority", form={"priority": value, "csrf_token": token}
            )
            assert sent.ok
    shifts = page.evaluate(SHIFTED)
    page.goto("about:blank")
    context.close()
    assert sum(shift[0] for shift in shifts) <= MOST_SHIFT, shifts
