"""Who submits to a plugin that hangs or fails learns its name; who looks after it sees the mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign_plugins import installed
from house import body
from web_house import WebHouse, open_web_house, problem_of

from portal.models import db


@pytest.fixture
def web_house(
    tmp_path: Path, peopled_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WebHouse]:
    """The web application with somebody's plugins."""
    with installed(tmp_path, monkeypatch):
        opened = open_web_house(tmp_path / "house", peopled_database)
        opened.house.portal.plugin_guard.deadline_s = 1.5
        yield opened
        opened.house.portal.plugin_guard.close()
        opened.close()
        db.close()


Browse = Callable[..., Any]
FORM = {"name": "train", "image": "python:3.11", "command": "echo", "nodes": "1"}
CASES = [
    ("endless", "The plugin endless does not answer."),
    ("raises", "The plugin raises failed."),
    ("nothing", "The plugin nothing failed."),
]


@pytest.mark.parametrize(("kind", "said"), CASES)
def test_the_submit_page_names_it(browse: Browse, kind: str, said: str) -> None:
    alice = browse("alice")
    answer = alice.post("/submit/", {**FORM, "kind": kind})
    assert answer.status_code == 503
    assert said in answer.text
    assert 'value="train"' in answer.text  # what was typed is kept
    assert "Its state is on the page Plugins; tell an administrator." in answer.text
    preview = alice.post("/submit/preview", {**FORM, "kind": kind}).get_json()
    assert preview["errors"]["kind"][0].startswith(said)
    assert said in preview["panel"]
    scripted = alice.post(
        "/submit/",
        {**FORM, "kind": kind},
        headers={"Accept": "application/json", "X-Requested-With": "script"},
    )
    assert problem_of(scripted, 503)["detail"].startswith(said)


def test_programs_learn_its_name_and_the_mark(web_house: WebHouse, browse: Browse) -> None:
    root = web_house.caller("root")
    refused = problem_of(web_house.caller("alice").post("/jobs", body(kind="endless")), 503)
    assert refused["code"] == "plugin_slow"
    assert refused["detail"] == "the job kind endless did not answer within 1.5 s"
    items = {item["name"]: item for item in root.get("/plugins").get_json()["items"]}
    assert items["endless"]["trouble"] == {
        "state": "slow",
        "member": "check",
        "why": "did not answer within 1.5 s",
        "at": web_house.house.now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    assert items["good"]["trouble"] is None
    page = browse("root").page("/plugins/")
    row = page.partition(">endless<")[2].partition("</tr>")[0]
    assert "Slow" in row
    assert "check did not answer within 1.5 s" in row


def test_the_page_is_whole_after_the_connections_were_given_back(browse: Browse) -> None:
    """What was read before the call (who is asking) is there after it."""
    answer = browse("alice").post("/submit/", {**FORM, "kind": "refuses"})
    assert answer.status_code == 422
    assert "Only 1 here" in answer.text
    assert 'data-me="alice"' in answer.text


def test_a_call_holds_no_connection_of_either_pool(
    web_house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = web_house.house.portal.plugin_guard
    with web_house.app.app_context():
        pool = web_house.app.extensions["sqlalchemy"].engine.pool
    held: list[tuple[bool, int]] = []
    run = guard._hosts.run

    def looking(*given: object) -> object:
        held.append((not db.database.is_closed(), pool.checkedout()))
        return run(*given)

    monkeypatch.setattr(guard._hosts, "run", looking)
    answer = web_house.caller("alice").post("/jobs", body(kind="good"))
    assert answer.status_code == 201, answer.text
    assert held == [(False, 0)]
