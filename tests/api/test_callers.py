"""The callers of these tests: their tokens are what a sign-in gives, and never too old."""

from __future__ import annotations

from datetime import timedelta

from flask_jwt_extended import decode_token
from house import IDS, PASSWORD
from web_house import LOGIN, WebHouse, problem_of


def test_a_token_is_what_a_sign_in_gives(web_house: WebHouse) -> None:
    body = {"username": "vera", "password": PASSWORD}
    given = web_house.app.test_client().post(LOGIN, json=body).get_json()["access_token"]
    with web_house.app.app_context():
        expected, made = decode_token(given), decode_token(web_house.token("vera"))
    assert made["sub"] == f"{IDS['vera']}.0"
    lives = [token["exp"] - token["iat"] for token in (expected, made)]
    assert lives == [15 * 60, 15 * 60]
    for own in ("iat", "nbf", "exp", "jti", "csrf"):  # of each token
        del expected[own], made[own]
    assert made == expected


def test_an_old_token_is_not_kept_for_others(web_house: WebHouse) -> None:
    """As when the tests before have taken longer than a token lives."""
    life = web_house.app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    web_house.app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(seconds=-60)
    problem_of(web_house.caller("alice").get("/me"), 401)
    web_house.app.config["JWT_ACCESS_TOKEN_EXPIRES"] = life
    answer = web_house.caller("alice").get("/me")
    assert answer.status_code == 200
    assert answer.get_json()["username"] == "alice"
