"""The house with its web application, and clients who are signed in to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token
from house import IDS, House, open_house
from werkzeug.test import TestResponse

from portal.domain.errors import (
    AoliError,
    InvalidSpec,
    PluginFailed,
    PluginSlow,
    PriorityClash,
    TooMany,
)

LOGIN = "/api/v1/security/login"


@dataclass
class Caller:
    """Somebody who uses the API with a bearer token (or without any)."""

    client: FlaskClient
    token: str = ""

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        """Call ``path`` below ``/api/v1``."""
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET."""
        return self.send("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        """POST; ``json`` is the body."""
        return self.send("POST", path, json=json, **options)

    def patch(self, path: str, json: Any = None) -> TestResponse:
        """PATCH."""
        return self.send("PATCH", path, json=json)


class WebHouse:
    """See the module."""

    def __init__(self, house: House, *, development: bool = False) -> None:
        from portal.application import create_app

        self.house = house
        self.app = create_app(house.settings, portal=house.portal, development=development)

    def caller(self, name: str | None) -> Caller:
        """One of the cast; ``None`` is somebody who is not signed in."""
        client = self.app.test_client()
        return Caller(client, self.token(name) if name else "")

    def token(self, name: str) -> str:
        """A bearer token as a sign-in gives it, signed now.

        None is kept from one test to the next: how long the others took must not matter, and a
        token lives for 15 minutes.
        """
        with self.app.app_context():
            user = self.app.appbuilder.sm.get_user_by_id(IDS[name])
            return str(create_access_token(identity=user.get_id(), fresh=True))

    def close(self) -> None:
        """Give all connections back."""
        with self.app.app_context():
            self.app.extensions["sqlalchemy"].engine.dispose()


def open_web_house(folder: Path, database: Path) -> WebHouse:
    """The application on a copy of ``database``."""
    return WebHouse(open_house(folder, database))


def problem_of(answer: TestResponse, status: int) -> dict[str, Any]:
    """The answer's problem document, which must be well-formed and of ``status``."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json", answer.content_type
    document: dict[str, Any] = answer.get_json()
    assert document["status"] == status
    assert document["title"]
    assert document["type"]
    return document


RETRY_AFTER = {429: "3", 503: "5"}


def made_error(kind: type[AoliError]) -> AoliError:
    """An error of this class, whatever its signature."""
    given: dict[type[AoliError], tuple[Any, ...]] = {
        InvalidSpec: ("a", "Bad"),
        PriorityClash: ("bob", 7),
        TooMany: ("why", 3),
        PluginFailed: ("job kind", "acme", "failed"),
        PluginSlow: ("job kind", "acme", "did not answer"),
    }
    return kind(*given.get(kind, ("why",)))
