"""Pictures of every page: {light, dark} × {en, zh} × {1440, 390}, to look at beside the design.

    PYTHONPATH=.:tests:tests/web python tests/browser/screenshots.py FOLDER [PAGE …]

A portal with fakes behind its ports is filled with jobs in every state; nothing else runs.
Exit code 1 when a page is wider than its window or a script complained.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from chromium import ARGUMENTS, CHROMIUM, Complaints, Site
from house import GPU, NPU, PASSWORD, House, actor, build_database
from playwright.sync_api import Browser, StorageState, sync_playwright
from web_house import open_web_house
from web_pages import run_job, submit_job

from portal.models import db
from portal.web.views import components

WIDTHS = {1440: 900, 390: 844}
WIDER = """() => [...document.querySelectorAll('body *')].filter(node =>
    node.getBoundingClientRect().right > innerWidth + 1
    && !node.closest('.tblw, .cl, .code, .tabs, .side, .vh, dialog')).map(
    node => node.tagName + '.' + node.className).slice(0, 3)"""
LOG = [
    *(f"epoch: 61 step: {i}, loss is {1.5 - i / 9000:.4f}" for i in range(1000, 1250, 10)),
    "[WARNING] HCCL(1742) allreduce took 1.84 s, median 0.21 s; slow peer: rank 5",
    "\x1b[32mcheckpoint saved 195.1 MiB in 2.31 s\x1b[0m",
    "[ERROR] MD(1751) decode failed: /data/imagenet2012/train/n02105855_2933.JPEG",
]


def fill(house: House) -> dict[str, str]:
    """Jobs in every state; their ids by name."""
    house.cluster.now = datetime.now(UTC)
    ids = {}
    for name, code in (("resnet50_imagenet", 0), ("horovod", 3)):
        ids[name] = run_job(house, name=name, device_type=NPU, devices=2)
        house.write_log(ids[name], *LOG)
        house.end(ids[name], exit_code=code)
    ids["npu_test_4npu"] = run_job(
        house,
        name="npu_test_4npu",
        device_type=NPU,
        devices=4,
        env={"GLOG_v": "2"},
        interactive_ports=[40080, 42000],
        endpoints=["ssh", "jupyter"],
        command="cd /work/mindspore/resnet\nbash run_train.sh --data_url /data/imagenet2012",
    )
    house.write_log(ids["npu_test_4npu"], *LOG)
    ids["gpu_test"] = run_job(house, "bob", name="gpu_test", device_type=GPU, devices=2)
    ids["tokenizer_build"] = submit_job(house, name="tokenizer_build", preemptible=True)
    ids["notebook_eval"] = submit_job(house, name="notebook_eval")
    for name, action in (("tokenizer_build", "pause"), ("notebook_eval", "kill")):
        with db.session():
            house.portal.jobs.act(actor("alice"), ids[name], action)
    ids["wait_bob"] = submit_job(
        house, "bob", name="ssd_mobilenet", device_type=NPU, devices=8, priority=150
    )
    ids["waiting"] = submit_job(
        house,
        name="a_very_long_name_of_a_job_that_is_still_legal_and_waits",
        device_type=NPU,
        devices=8,
    )
    house.work()
    return ids


PAGES = {
    "login": "/login/",
    "home": "/",
    "submit": "/submit/",
    "submit-clone": "/submit/?clone={npu_test_4npu}",
    "jobs": "/jobs/",
    "jobs-none": "/jobs/?q=horovd&status=paused",
    "jobs-all": "/jobs/all",
    "job-brief": "/jobs/{npu_test_4npu}",
    "job-waiting": "/jobs/{waiting}",
    "job-failed": "/jobs/{horovod}",
    "job-console": "/jobs/{npu_test_4npu}/console",
    "not-found": "/nothing",
    "not-authorized": "/",
    "components": "/_components",
}
READERS = {"login": None, "not-authorized": "newcomer", "jobs-all": "root"}


class Photographer:
    """Opens pages and takes their pictures."""

    def __init__(self, browser: Browser, url: str, folder: Path, ids: dict[str, str]) -> None:
        self._browser = browser
        self._url = url
        self._folder = folder
        self._ids = ids
        self._sessions: dict[str, StorageState] = {}
        self.complaints: list[str] = []

    def take(self, name: str, theme: str, language: str, width: int) -> None:
        """One picture."""
        reader = READERS.get(name, "alice")
        context = self._browser.new_context(
            viewport={"width": width, "height": WIDTHS[width]},
            timezone_id="Asia/Shanghai",
            storage_state=self._session(reader) if reader else None,
        )
        context.add_cookies(
            [
                {"name": key, "value": value, "url": self._url}
                for key, value in (("theme", theme), ("language", language))
            ]
        )
        heard, page = Complaints(), context.new_page()
        heard.listen(page)
        page.goto(self._url + PAGES[name].format(**self._ids), wait_until="load")
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(400)  # the first news and the side panel
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        heard += [f"wider than the window: {page.evaluate(WIDER)}"] if wide else []
        picture = f"{name}-{theme}-{language}-{width}"
        page.screenshot(path=self._folder / f"{picture}.png")
        self.complaints += [f"{picture}: {text}" for text in heard]
        page.goto("about:blank")
        context.close()

    def _session(self, reader: str) -> StorageState:
        """Sign in once for each reader."""
        if reader not in self._sessions:
            context = self._browser.new_context()
            page = context.new_page()
            page.goto(f"{self._url}/login/")
            page.fill("[name=username]", reader)
            page.fill("[name=password]", PASSWORD)
            page.click("button.pri")
            page.wait_for_load_state()
            self._sessions[reader] = context.storage_state()
            page.goto("about:blank")
            context.close()
        return self._sessions[reader]


def main(folder: Path, names: list[str]) -> int:
    """Take the pictures of the pages named, or of all."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary, sync_playwright() as playwright:
        database = build_database(Path(temporary) / "seed", accounts=True)
        web_house = open_web_house(Path(temporary), database, {})
        web_house.app.register_blueprint(components.blueprint)
        site = Site(web_house)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        photographer = Photographer(browser, site.url, folder, fill(web_house.house))
        for name in names or PAGES:
            for theme, language, width in product(("light", "dark"), ("en", "zh"), WIDTHS):
                photographer.take(name, theme, language, width)
        browser.close()
        site.close()
        web_house.close()
    print(*photographer.complaints, sep="\n")
    return 1 if photographer.complaints else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))
