"""The page of components: for builders only, and all components are on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from web_house import WebHouse

WEB = Path(__file__).parents[2] / "portal/web"
ELSEWHERE = {
    "first_job": "an empty state with what the reader may do",
    "cluster": "parts of Cluster Status and what builds on them",
    "fields": "describe, label and message are inside the fields; filter_toggle is for phones",
    "actions": "post_button and link_button look like button",
    "devices": "usage is a grid with a sum",
    "status": "word is inside status",
    "timeline": "spans is of one job",
    "layout": "time and art are inside others",
    "table": "head needs an address",
}
"""Macro files with macros that are not shown by themselves, and why."""


def test_it_is_not_there_in_production(browse):
    assert browse("alice").get("/_components").status_code == 404


@pytest.mark.parametrize("path", sorted((WEB / "base/components").glob("*.html")))
def test_every_file_of_macros_is_shown(path):
    page = (WEB / "home/components_page.html").read_text("utf-8")
    defined = set(re.findall(r"{% macro (\w+)", path.read_text("utf-8")))
    used = {name for name in defined if re.search(rf"\b{name}\(", page)}
    assert used == defined or path.stem in ELSEWHERE, defined - used


def test_in_development_it_shows_them(web_house):
    house = web_house.house
    house.settings = house.settings.model_copy(update={"development": True})
    shown = WebHouse(house)
    page = shown.app.test_client().get("/_components")
    shown.close()
    assert page.status_code == 200
    assert page.text.count('class="st st-') >= 20
