"""A newer secret key ends no sign-in and no token."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from web_house import Caller, WebHouse

NEW = "a newer key of tests long enough for HMAC"


def with_keys(web_house: WebHouse, *keys: str) -> WebHouse:
    house = web_house.house
    changed = {"secret_key": SecretStr(",".join(keys))}
    house.settings = house.settings.model_copy(update=changed)
    return WebHouse(house)


@pytest.mark.parametrize(("keys", "holds"), [(("{new}", "{old}"), True), (("{new}",), False)])
def test_what_the_older_key_signed(web_house, browse, keys, holds):
    old = web_house.house.settings.secret_key.get_secret_value()
    token = web_house.token("alice")
    browser = browse("alice")
    cookie = browser.client.get_cookie("aoli_session")
    changed = with_keys(web_house, *(key.format(new=NEW, old=old) for key in keys))
    client = changed.app.test_client()
    assert Caller(client, token).get("/me").status_code == (200 if holds else 401)
    client.set_cookie("aoli_session", cookie.value)
    assert client.get("/jobs/").status_code == (200 if holds else 302)
    assert changed.caller("alice").get("/me").status_code == 200
    changed.close()
