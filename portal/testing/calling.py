"""A small client of a portal that runs in other processes: for tests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

PASSWORD = "for-tests-only"  # noqa: S105
TERMINAL = ("finished", "failed", "error", "killed")


class CallFailed(Exception):
    """The portal answered with an error status."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class PortalClient:
    """Calls the API at ``url`` as the first administrator, who has :data:`PASSWORD`."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self._token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API as the administrator; the decoded answer or :class:`CallFailed`."""
        return self._request(method, f"/api/v1{path}", body, self.authorization())

    def authorization(self) -> dict[str, str]:
        """The headers of a signed-in client."""
        if not self._token:
            account = {"username": "admin", "password": PASSWORD, "provider": "db"}
            answer = self._request("POST", "/api/v1/security/login", account, {})
            self._token = str(answer["access_token"])
        return {"Authorization": f"Bearer {self._token}"}

    def submit(self, command: str, **fields: Any) -> str:
        """Submit a job without devices to the VC ``platform``; its id."""
        body = {
            "name": "job",
            "vc": "platform",
            "kind": "regular",
            "devices": 0,
            "image": "python:3.11",
            "command": command,
            **fields,
        }
        return str(self.call("POST", "/jobs", body)["id"])

    def jobs(self) -> Iterator[dict[str, Any]]:
        """Every job of the administrator, ended ones too."""
        path = "/jobs?scope=mine&limit=200"
        cursor = ""
        while True:
            page = self.call("GET", f"{path}{cursor}")
            yield from page["items"]
            if not page["next_cursor"]:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def _request(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise CallFailed(error.code, error.read().decode("utf-8", "replace")) from None
        return json.loads(text) if text else None
