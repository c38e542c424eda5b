"""WeChat's website sign-in (OAuth 2 ``qrconnect``): a QR code on the page, a yes on the phone.

WeChat differs from the standard: ``appid`` and ``secret``, tokens by GET, errors with status 200
and JSON that calls itself text/plain.
"""

from __future__ import annotations

import hmac
import json
import secrets
from typing import Any
from urllib.parse import urlencode

from authlib.integrations.requests_client import OAuth2Session
from flask import redirect, request, session

from portal.domain.errors import FieldError
from portal.people.provider import AWAY, BROKEN, DENIED, STALE, TIMEOUT_S, Outsider, ProviderRefused

STATE = "wechat_state"
USED_CODES = frozenset({40029, 40163, 41008, 42003})
"""WeChat's numbers for codes that are wrong, used, missing or too old."""


class WeChat:
    """The flow, between the addresses of WeChat's pages and of its API."""

    name = "wechat"

    def __init__(self, app_id: str, secret: str, page_url: str, api_url: str) -> None:
        self._app_id = app_id
        self._secret = secret
        self._page_url = page_url.rstrip("/")
        self._api_url = api_url.rstrip("/")

    def start(self, redirect_uri: str) -> Any:
        """To the page with the QR code; WeChat wants the parameters in this order."""
        session[STATE] = secrets.token_urlsafe(24)
        query = urlencode(
            [
                ("appid", self._app_id),
                ("redirect_uri", redirect_uri),
                ("response_type", "code"),
                ("scope", "snsapi_login"),
                ("state", session[STATE]),
            ]
        )
        return redirect(f"{self._page_url}/connect/qrconnect?{query}#wechat_redirect")

    def finish(self) -> Outsider:
        """Who scanned the code."""
        expected, state = session.pop(STATE, ""), request.args.get("state", "")
        if not expected or not hmac.compare_digest(expected.encode(), state.encode()):
            raise ProviderRefused(STALE, "state")
        code = request.args.get("code", "")
        if not code:
            raise ProviderRefused(DENIED)
        asked = {"appid": self._app_id, "secret": self._secret, "code": code}
        token = self._get("access_token", {**asked, "grant_type": "authorization_code"}, "oauth2/")
        openid, access = token.get("openid"), token.get("access_token")
        if not isinstance(openid, str) or not isinstance(access, str) or not openid:
            raise ProviderRefused(BROKEN, "no openid")
        person = self._person(access, openid)
        subject = token.get("unionid") or person.get("unionid") or openid
        return Outsider(self.name, str(subject)[:255], str(person.get("nickname") or "")[:64])

    def _person(self, access: str, openid: str) -> dict[str, Any]:
        """His name, which is nice to have: without it the sign-in goes on."""
        try:
            return self._get("userinfo", {"access_token": access, "openid": openid})
        except ProviderRefused:
            return {}

    def _get(self, call: str, params: dict[str, str], folder: str = "") -> dict[str, Any]:
        try:
            with OAuth2Session() as http:
                answer = http.get(
                    f"{self._api_url}/sns/{folder}{call}",
                    params=params,
                    timeout=TIMEOUT_S,
                    withhold_token=True,
                    allow_redirects=False,
                )
                content: bytes = answer.content
        except OSError as error:  # its text may hold the secret, which is in the address
            raise ProviderRefused(AWAY, type(error).__name__) from None
        return _read(content)


def _read(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8"))
    except ValueError:
        raise ProviderRefused(BROKEN, "no JSON") from None
    if not isinstance(found, dict):
        raise ProviderRefused(BROKEN, "no object")
    number = found.get("errcode", 0)
    if number:
        words: FieldError = STALE if number in USED_CODES else AWAY
        raise ProviderRefused(words, f"errcode {number}")
    return found
