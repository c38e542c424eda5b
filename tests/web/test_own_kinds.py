"""Kinds as ``aoli plugins new`` and the guide make them are submitted from the form."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign_plugins import announce
from web_house import WebHouse, open_web_house

from portal.cli import new_plugin
from portal.models import db

GUIDE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
FORM = {"name": "train", "image": "python:3.11", "command": "echo", "devices": "0"}


@pytest.fixture
def web_house(
    tmp_path: Path, peopled_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WebHouse]:
    """With the kind ``again`` of ``aoli plugins new`` and the guide's ``probe``."""
    made = new_plugin.write("job-kind", "again", tmp_path)
    (probe,) = re.findall(r"```python\n(from portal\.spi[^`]*class Probe.*?)```", GUIDE, re.DOTALL)
    (made / "guides_probe.py").write_text(probe)
    announce(
        made,
        monkeypatch,
        "aoli-plugin-again",
        {"again": "aoli_plugin_again:Again", "probe": "guides_probe:Probe"},
    )
    opened = open_web_house(tmp_path / "house", peopled_database)
    opened.house.portal.plugin_guard.deadline_s = 30.0
    yield opened
    opened.house.portal.plugin_guard.close()
    opened.close()
    db.close()
    for name in ("aoli_plugin_again", "guides_probe"):
        sys.modules.pop(name, None)


def submitted(web_house: WebHouse, browser: Any, **fields: str) -> Any:
    answer = browser.post("/submit/", {**FORM, **fields})
    assert answer.status_code == 303, answer.text
    return web_house.house.job(answer.location.rpartition("/")[2])


def test_they_are_submitted_from_the_form(web_house: WebHouse, browse: Callable[..., Any]) -> None:
    alice = browse("alice")
    assert "Rounds" in alice.page("/submit/")
    assert submitted(web_house, alice, kind="again", rounds="3").spec.extra == {"rounds": 3}
    assert submitted(web_house, alice, kind="again").spec.extra == {"rounds": 1}
    assert submitted(web_house, alice, kind="probe").spec.kind == "probe"
    wrong = alice.post("/submit/", {**FORM, "kind": "again", "rounds": "many"})
    assert wrong.status_code == 422
    assert "Must be an integer from 1 to 100" in wrong.text
    web_house.house.work()
    states = {
        web_house.house.state(job["id"])
        for job in web_house.caller("alice").get("/jobs").get_json()["items"]
    }
    assert states == {"scheduling"}
