"""Server time and weight of every page, on a database made by :mod:`benchmarks.seed`.

``python -m benchmarks.pages FOLDER``: the time is that of the whole application behind the
socket (sign-in, permissions, queries, template, gzip), the weight that of the page and all it
loads, as a browser that knows nothing yet gets it.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

from benchmarks.seed import settings_of
from benchmarks.table import Row, show
from portal import wiring
from portal.application import create_app
from portal.testing import FakeCluster, FakeEvents, FakeQueue

GZIP = {"Accept-Encoding": "gzip"}
AIM_MS, AIM_BYTES = 50, 150_000
PAGES = (
    ("root", "/"),
    ("user-00003", "/"),
    ("user-00003", "/submit/"),
    ("user-00003", "/jobs/"),
    ("user-00003", "/jobs/?status=failed"),
    ("user-00003", "/jobs/?q=train-12"),
    ("user-00003", "/jobs/?sort=name"),
    ("user-00003", "/jobs/?sort=-devices&page=200"),
    ("root", "/jobs/all"),
    ("root", "/jobs/all?q=train-12"),
    ("root", "/jobs/all?sort=user&page=5"),
    ("root", "/jobs/all?user=user-00003"),
    ("user-00003", "/jobs/JOB"),
    ("root", "/jobs/WAITING"),
    ("user-00003", "/jobs/JOB/console"),
    ("root", "/cluster/"),
    ("root", "/cluster/users"),
    ("root", "/cluster/users?all=1"),
    ("root", "/cluster/usage?range=24h"),
    ("root", "/cluster/usage?range=7d"),
    ("root", "/cluster/usage?range=30d"),
    ("root", "/cluster/nodes"),
    ("root", "/cluster/nodes?node=atlas001"),
    ("root", "/virtual-clusters/"),
    ("root", "/plugins/"),
    ("root", "/dashboard/"),
    ("root", "/dashboard/users/"),
    ("root", "/dashboard/users/?page=600"),
    ("root", "/dashboard/users/?q=00123"),
    ("root", "/dashboard/users/?role=User"),
    ("root", "/dashboard/users/?group=everybody"),
    ("root", "/dashboard/users/?role=-"),
    ("root", "/dashboard/users/2"),
    ("root", "/dashboard/users/2/roles"),
    ("root", "/dashboard/users/new/"),
    ("root", "/dashboard/groups/"),
    ("root", "/dashboard/groups/?q=017"),
    ("root", "/dashboard/groups/201"),
    ("root", "/dashboard/groups/201/users"),
    ("root", "/dashboard/roles/"),
    ("root", "/dashboard/roles/4"),
    ("root", "/dashboard/roles/4/users"),
    ("root", "/dashboard/audit/"),
    ("root", "/dashboard/audit/?q=00123"),
    ("root", "/dashboard/audit/?actor=root&action=user.create"),
    ("root", "/account/"),
    ("root", "/api/v1/users?limit=200"),
    ("root", "/api/v1/groups"),
    ("root", "/api/v1/groups/201"),
    ("root", "/api/v1/roles"),
    ("root", "/api/v1/audit?q=00123"),
    ("root", "/api/v1/jobs?scope=all"),
    ("root", "/api/v1/jobs?scope=all&status=finished,failed,killed,error"),
    ("root", "/api/v1/jobs?scope=all&status=finished&sort=name"),
    ("root", "/api/v1/cluster/users?all=1"),
    ("root", "/api/v1/cluster/usage?range=30d"),
    ("root", "/api/v1/cluster/nodes"),
    ("root", "/api/v1/vcs"),
    ("user-00003", "/api/v1/jobs"),
)


class Visitors:
    """Signed-in browsers of one application."""

    def __init__(self, folder: Path) -> None:
        settings = settings_of(folder)
        cluster = FakeCluster((), name="atlas")
        portal = wiring.connect(settings, cluster=cluster, queue=FakeQueue(), events=FakeEvents())
        self._app = create_app(settings, portal=portal)
        with sqlite3.connect(folder / "aoli.db") as database:
            self._ids = dict(database.execute("SELECT username, id FROM ab_user").fetchall())
            self.job, vc = database.execute(
                "SELECT id, vc FROM job WHERE username='user-00003' ORDER BY submitted_at DESC"
            ).fetchone()
            self.waiting = database.execute(
                "SELECT id FROM job WHERE state='queued' AND devices > 0 ORDER BY submitted_at"
            ).fetchone()[0]
            choice = (self._ids["user-00003"], vc)  # his lists are those of the VC he works in
            database.execute("REPLACE INTO user_choice (user_id, current_vc) VALUES (?, ?)", choice)
        self._clients: dict[str, Any] = {}
        gc.collect()
        gc.freeze()  # as the web process does before it serves

    def get(self, name: str, path: str) -> Any:
        """GET as ``name``."""
        if name not in self._clients:
            client = self._clients[name] = self._app.test_client()
            with client.session_transaction() as session:
                session["_user_id"] = f"{self._ids[name]}.0"
                session["_fresh"] = True
        answer = self._clients[name].get(path, headers=GZIP)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer


def measure(folder: Path, times: int) -> list[Row]:
    """A row for each page."""
    visitors = Visitors(folder)
    rows = []
    for name, pattern in PAGES:
        path = pattern.replace("JOB", visitors.job).replace("WAITING", visitors.waiting)
        answer = visitors.get(name, path)
        taken = [_milliseconds(visitors, name, path) for _ in range(times)]
        p95 = _p95([wall for wall, _ in taken])
        work = _p95([cpu for _, cpu in taken])
        weight = len(answer.data) + _assets(visitors, name, answer)
        figure = f"p95 {p95:.0f} ms (processor {work:.0f} ms), {weight / 1000:.0f} kB"
        good = p95 < AIM_MS and weight < AIM_BYTES
        aim = f"< {AIM_MS} ms, < {AIM_BYTES // 1000} kB" + ("" if good else "  MISSED")
        rows.append(Row(f"{pattern} ({name})", figure, aim))
    return rows


def _milliseconds(visitors: Visitors, name: str, path: str) -> tuple[float, float]:
    """By the clock, and of the processor (which says more on a machine that is busy)."""
    begun, worked = time.perf_counter(), time.thread_time()
    visitors.get(name, path)
    return (time.perf_counter() - begun) * 1000, (time.thread_time() - worked) * 1000


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def _assets(visitors: Visitors, name: str, answer: Any) -> int:
    """What the page loads: scripts, styles, icons, and the fonts that English needs."""
    if answer.mimetype != "text/html":
        return 0
    data = answer.data
    text = gzip.decompress(data).decode() if "Content-Encoding" in answer.headers else answer.text
    found = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', text))
    sheet = next(address for address in found if address.endswith("css/tokens.css"))
    found.add(sheet.replace("css/tokens.css", "fonts/jetbrains-mono-latin-wght-normal.woff2"))
    return sum(len(visitors.get(name, address).data) for address in found)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=40)
    given = parser.parse_args()
    show("pages", measure(given.folder, given.times))


if __name__ == "__main__":
    main()
