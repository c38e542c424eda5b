"""Language, theme, time zone and keys on the account page: kept, and true from the first answer."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from web_pages import submit_job

from portal.web.base import zones

HERE = "/account/#preferences"


def test_the_page_shows_what_is_chosen(at_alices):
    page = at_alices.page("/account/")
    assert re.search(r'value="en" aria-pressed="true"', page)
    assert re.search(r'value="system" aria-pressed="true"', page)
    assert re.search(r'<option value="" selected>\s*As the browser\s*</option>', page)
    shanghai = r'<option value="Asia/Shanghai" lang="en">\s*UTC\+8, Shanghai\s*</option>'
    assert re.search(shanghai, page)
    assert re.search(r'aria-checked="true"[^>]* name="keys" value="off"', page)


def test_a_zone_that_is_chosen_wins_over_the_browsers(at_alices, web_house):
    job_id = submit_job(web_house.house)
    at_alices.client.set_cookie("zone", quote("Asia/Shanghai", safe=""))
    assert re.search(r'datetime="[^"]+\+08:00"', at_alices.page(f"/jobs/{job_id}"))
    answer = at_alices.post("/preferences/zone", {"zone_choice": "Asia/Tokyo", "next": HERE})
    assert (answer.status_code, answer.location) == (303, HERE)
    page = at_alices.page(f"/jobs/{job_id}")
    assert re.search(r'datetime="[^"]+\+09:00"', page)
    assert 'data-zone="Asia/Tokyo"' in page
    at_alices.post("/preferences/zone", {"zone_choice": ""})
    page = at_alices.page(f"/jobs/{job_id}")
    assert re.search(r'datetime="[^"]+\+08:00"', page)
    assert "data-zone" not in page


def test_utc_is_a_choice_too(at_alices, web_house):
    job_id = submit_job(web_house.house)
    at_alices.client.set_cookie("zone", "Asia%2FShanghai")
    at_alices.post("/preferences/zone", {"zone_choice": "UTC"})
    assert re.search(r'datetime="[^"]+\+00:00"', at_alices.page(f"/jobs/{job_id}"))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/preferences/zone", {"zone_choice": "No/Such"}),
        ("/preferences/zone", {"zone_choice": "../../etc/passwd"}),
        ("/preferences/keys", {"keys": "some"}),
        ("/preferences/keys", {}),
    ],
)
def test_what_is_no_choice_is_refused(at_alices, path, fields):
    assert at_alices.post(path, fields).status_code == 400


def test_keys_are_switched_off_and_on(at_alices):
    at_alices.post("/preferences/keys", {"keys": "off"})
    page = at_alices.page("/account/")
    assert 'data-keys="off"' in page
    assert "Single keys are switched off." in page
    at_alices.post("/preferences/keys", {"keys": "on"})
    assert "data-keys" not in at_alices.page("/account/")


def test_choices_outlive_the_session(at_alices):
    for name, value in (("keys", "off"), ("zone", "Asia/Tokyo")):
        field = {"zone": "zone_choice"}.get(name, name)
        answer = at_alices.post(f"/preferences/{name}", {field: value})
        kept = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith(field))
        assert "Max-Age=31536000" in kept


@pytest.mark.parametrize(
    ("hours", "text"), [(0, "UTC"), (8, "UTC+8"), (-3.5, "UTC-3:30"), (5.75, "UTC+5:45")]
)
def test_offsets_read_as_people_write_them(hours, text):
    assert zones.offset_text(timedelta(hours=hours)) == text


def test_zones_go_from_west_to_east_and_know_the_season():
    summer, winter = (zones.choices(date(2026, month, 1)) for month in (7, 12))
    assert dict(summer)["Europe/Berlin"] == "UTC+2, Berlin"
    assert dict(winter)["Europe/Berlin"] == "UTC+1, Berlin"
    names = [name for name, _ in winter[1:]]
    at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    offsets = [at.astimezone(ZoneInfo(name)).utcoffset() for name in names]
    assert offsets == sorted(offsets)
    assert len(set(names)) == len(names) > 300
