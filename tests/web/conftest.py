"""A browser for the pages: a session of its own, the CSRF token taken from the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from house import IDS
from web_house import WebHouse
from web_pages import tidy
from werkzeug.test import TestResponse

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """Somebody at the pages."""

    def __init__(self, web_house: WebHouse, name: str | None = None) -> None:
        self.client = web_house.app.test_client()
        if name is not None:
            self._sign_in(name)

    def _sign_in(self, name: str) -> None:
        """What the sign-in page leaves behind; hashing a password each time is slow."""
        with self.client.session_transaction() as session:
            session["_user_id"] = f"{IDS[name]}.0"
            session["_fresh"] = True

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET."""
        return self.client.get(path, **{"buffered": True, **options})

    def page(self, path: str, **options: Any) -> str:
        """GET a page that must be there; see :func:`tidy`."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        return tidy(answer.text)

    def csrf(self) -> str:
        """A token of this session."""
        found = TOKEN.search(self.get("/login/", follow_redirects=True).text)
        assert found is not None
        return found.group(1)

    def post(self, path: str, data: Any = None, **options: Any) -> TestResponse:
        """POST a form with its token."""
        fields = {"csrf_token": self.csrf(), **(data or {})}
        return self.client.post(path, data=fields, **options)

    def fragment(self, path: str) -> TestResponse:
        """GET as the pages' scripts do."""
        return self.get(path, headers={"X-Requested-With": "script"})


@pytest.fixture
def browse(web_house: WebHouse) -> Callable[..., Browser]:
    """``browse("alice")``; without a name nobody is signed in."""
    return lambda name=None: Browser(web_house, name)


@pytest.fixture
def at_alices(browse: Callable[..., Browser]) -> Browser:
    """Alice at the pages."""
    return browse("alice")
