"""The cast's bearer tokens last as long as the tests need, however long the whole run takes."""

from __future__ import annotations

import base64
import json
import time

from web_house import half_spent


def a_token(begun_s: float, ends_s: float) -> str:
    body = json.dumps({"iat": begun_s, "exp": ends_s}).encode()
    return "e30." + base64.urlsafe_b64encode(body).decode().rstrip("=") + ".x"


def test_a_token_is_spent_at_half_its_life():
    assert not half_spent(a_token(1000, 1900), 1449)
    assert half_spent(a_token(1000, 1900), 1450)


def test_a_kept_token_that_has_run_out_is_made_anew(web_house, monkeypatch):
    old = a_token(time.time() - 1000, time.time() - 100)
    monkeypatch.setattr(web_house, "_tokens", {"alice": old})
    assert web_house.caller("alice").get("/me").status_code == 200
    assert web_house.token("alice") != old
