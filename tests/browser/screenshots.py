"""Pictures of every page: {light, dark} × {en, zh} × {1440, 390}, to look at beside the design.

    PYTHONPATH=.:tests:tests/web python tests/browser/screenshots.py FOLDER [PAGE …]

The pages are those of :mod:`scenes`, the portal is that of :mod:`showcase`. Exit code 1 when
a page is wider than its window or a script complained.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

from chromium import ARGUMENTS, CHROMIUM
from playwright.sync_api import sync_playwright
from scenes import LANGUAGES, SCENES, THEMES, Visitor
from showcase import start

WIDER = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll('body *')].filter(node =>
    node.getBoundingClientRect().right > innerWidth + 1
    && !node.closest('.tblw, .cl, .code, .tabs, .side, .vh, dialog')).map(
    node => node.tagName + '.' + node.className).slice(0, 3)"""


def take(visitor: Visitor, name: str, folder: Path, theme: str, language: str) -> list[str]:
    """The pictures of one page in one theme and language; what is wrong with it."""
    wrong = []
    for width in SCENES[name].widths:
        picture = f"{name}-{theme}-{language}-{width}"
        with visitor.at(SCENES[name], width, theme, language) as (page, heard):
            page.wait_for_timeout(400)  # the first news and the side panel
            page.screenshot(path=folder / f"{picture}.png")
            wide = page.evaluate(WIDER)
            wrong += [f"{picture}: {text}" for text in heard]
            wrong += [f"{picture} is wider than the window: {wide}"] if wide else []
    return wrong


def main(folder: Path, names: list[str]) -> int:
    """Take the pictures of the pages named, or of all."""
    folder.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    with start() as showcase, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        visitor = Visitor(browser, showcase)
        for name in names or SCENES:
            for theme, language in product(THEMES, LANGUAGES):
                wrong += take(visitor, name, folder, theme, language)
        browser.close()
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))
