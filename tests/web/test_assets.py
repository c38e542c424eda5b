"""Static files: hashed addresses, long caching, no cookies, licences."""

from __future__ import annotations

import re

import pytest

from portal.web.app import make_flask
from portal.web.base import assets

PAGES = ("/", "/submit/", "/jobs/", "/login/")


@pytest.mark.parametrize("path", PAGES)
def test_every_file_of_a_page_is_cached_for_a_year_and_sets_no_cookie(at_alices, path):
    page = at_alices.page(path, follow_redirects=True)
    found = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    assert len(found) > 5
    for address in found:
        answer = at_alices.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in answer.headers
        assert answer.content_length or answer.data


def test_a_file_of_a_style_sheet_is_found_beside_it(at_alices):
    address = f"/static/{assets.tree_hash()}/css/tokens.css"
    sheet = at_alices.get(address).text
    for font in re.findall(r"url\(\.\./([^)]+)\)", sheet):
        answer = at_alices.get(f"/static/{assets.tree_hash()}/{font}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_another_hash_gets_the_file_but_nobody_keeps_it(at_alices):
    answer = at_alices.get("/static/0123456789ab/css/tokens.css")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/static/x/css/tokens.css", "/static/0123456789ab/../app.py"])
def test_nothing_outside_the_folder_is_served(at_alices, path):
    assert at_alices.get(path).status_code == 404


def test_a_file_that_is_not_there_is_a_mistake_of_the_template(web_house):
    with web_house.app.test_request_context(), pytest.raises(LookupError):
        assets.asset_url("css/nothing.css")


def test_every_icon_in_the_templates_is_in_the_sprite():
    used: set[str] = set()
    for path in assets.FOLDER.parent.rglob("*.html"):
        text = path.read_text("utf-8")
        used |= set(re.findall(r"icon\('([a-z0-9-]+)'", text))
    assert len(used) > 20
    assert used <= assets._icon_names()


def test_every_vendored_file_is_in_the_list_of_licences():
    listed = (assets.FOLDER / "vendor" / "LICENSES.md").read_text("utf-8")
    for path in (assets.FOLDER / "vendor").glob("*.js"):
        assert path.name in listed
    for path in (assets.FOLDER / "fonts").glob("*.woff2"):
        assert path.name.split("-latin")[0] in listed.replace("*", "").replace(".woff2", "")
    for name in re.findall(r"`((?:vendor|fonts)/[\w.-]+\.txt)`", listed):
        assert (assets.FOLDER / name).is_file()


def test_making_the_application_makes_no_tables(tmp_path):
    from portal.settings import Settings

    settings = Settings(data_dir=tmp_path, secret_key="k" * 32)
    make_flask(settings, "k" * 32)
    assert not (tmp_path / "aoli.db").exists() or (tmp_path / "aoli.db").stat().st_size == 0
