"""No page asks the database once for each row: more jobs, nodes and VCs cost no query more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import peewee
import pytest
from house import GPU, House
from sqlalchemy import event
from sqlalchemy.engine import Engine
from web_house import WebHouse

from portal.models import VcRow
from portal.models.db import session
from portal.testing import a_node

PAGES = {
    "/": 24,
    "/submit/": 20,
    "/jobs/": 22,
    "/jobs/all": 22,
    "/jobs/JOB": 26,
    "/jobs/JOB/console": 26,
    "/cluster/": 16,
    "/cluster/users?all=1": 18,
    "/cluster/usage": 24,
    "/cluster/nodes": 14,
    "/virtual-clusters/": 14,
    "/api/v1/jobs": 8,
    "/api/v1/jobs?scope=all": 8,
    "/api/v1/jobs/JOB": 14,
    "/api/v1/vcs": 10,
    "/api/v1/cluster/status": 12,
    "/api/v1/cluster/nodes": 6,
}
"""Pages, and the most queries that each may take."""


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that the block sends, through either library."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    plain = peewee.Database.execute_sql

    def watched(self: peewee.Database, sql: str, *rest: object, **more: object) -> object:
        seen.append(sql)
        return plain(self, sql, *rest, **more)

    event.listen(Engine, "after_cursor_execute", note)
    peewee.Database.execute_sql = watched
    try:
        yield seen
    finally:
        peewee.Database.execute_sql = plain
        event.remove(Engine, "after_cursor_execute", note)


def fill(house: House, times: int) -> str:
    """Jobs that run, wait and have ended, nodes, virtual clusters; the id of one that waits."""
    house.run(device_type=GPU, devices=1)
    waiting = ""
    for number in range(times):
        house.end(house.run())
        house.run("bob", vc="vision", name=f"run-{number}")
        house.advance(1)  # the last one is the last in line, with others ahead of it
        waiting = house.submit(device_type=GPU, devices=4, name=f"wait-{number}")
    house.cluster.set_nodes(
        *house.cluster.nodes(), *(a_node(f"more-{number}") for number in range(times))
    )
    with session():
        house.portal.watch_handler.nodes_changed(house.cluster.nodes())
        for number in range(times):
            VcRow.insert(
                name=f"vc-{times}-{number}", quota={GPU: 0}, user_limit={}, created_at=house.now
            ).execute()
    house.work()
    return waiting


@pytest.mark.parametrize("page", PAGES)
def test_rows_cost_no_queries(page: str, web_house: WebHouse, browse) -> None:
    house = web_house.house
    reader = browse("root")
    counts = []
    for times in (2, 5):
        path = page.replace("JOB", fill(house, times))
        reader.page(path)
        with counted() as seen:
            reader.page(path)
        counts.append(len(seen))
    # One more at most: that a reason names another job.
    assert counts[1] <= counts[0] + 1, "\n".join(seen)
    assert counts[1] <= PAGES[page], "\n".join(seen)
