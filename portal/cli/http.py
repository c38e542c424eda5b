"""Calls of a portal's API, with the standard library alone; errors as one readable line."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from portal.cli import login_store
from portal.cli.login_store import Login

DEFAULT_URL = "http://127.0.0.1:8420"
TIMEOUT_S = 30.0
API = "/api/v1"


class Failed(click.ClickException):
    """Exit code 1 with ``aoli: …`` on standard error; wrong fields one per line."""

    def __init__(self, message: str, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem or {}

    @property
    def status(self) -> int:
        """The HTTP status, 0 when the portal did not answer."""
        return int(self.problem.get("status", 0))

    def show(self, file: Any = None) -> None:
        """Print it."""
        click.echo(f"aoli: {self.message}", err=True)
        for field, messages in (self.problem.get("errors") or {}).items():
            for message in messages:
                click.echo(f"  {field}: {message}", err=True)


class Unreachable(Failed):
    """The portal does not answer; trying again later may work."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to another place, and turn a POST into a GET."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Let the redirect be an error."""


class PortalApi:
    """One portal, called as one user."""

    def __init__(self, url: str, api_key: str = "") -> None:
        self.url = url.rstrip("/")
        if urllib.parse.urlsplit(self.url).scheme not in ("http", "https"):
            raise click.UsageError(f"{url} is no address such as {DEFAULT_URL}")
        self._api_key = api_key
        self._opener = urllib.request.build_opener(_NoRedirects)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON that GET answers; parameters that are ``None`` are left out."""
        return self._json("GET", path, None, query)

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON that POST answers."""
        return self._json("POST", path, {} if body is None else body, {})

    def patch(self, path: str, body: Any) -> Any:
        """The JSON that PATCH answers."""
        return self._json("PATCH", path, body, {})

    def _json(self, method: str, path: str, body: Any, query: Mapping[str, Any]) -> Any:
        with self.open(method, path, body, query) as answer:
            raw = self._read(answer)
        try:
            return json.loads(raw)
        except ValueError:
            raise Failed(f"{self.url} does not answer like an Aoli portal") from None

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None

    def open(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> http.client.HTTPResponse:
        """The open answer. Raises ``Failed`` on an error, ``Unreachable`` without an answer.

        A token that has run out is renewed, once.
        """
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        address = f"{self.url}{API}{path}" + (
            f"?{urllib.parse.urlencode(wanted)}" if wanted else ""
        )
        data = None if body is None else json.dumps(body).encode()
        login = None if self._api_key else login_store.load(self.url)
        token = self._api_key or (login.access_token if login else "")
        sent = {"Accept": "application/json, text/plain;q=0.9, text/event-stream;q=0.9"}
        sent.update(headers or {})
        try:
            return self._send(method, address, data, {**sent, **_bearer(token)}, timeout_s)
        except Failed as failed:
            if failed.status != 401 or path.startswith("/security/"):
                raise
            token = self._renew(login) if login else ""
            if not token:
                raise self._signed_out(login) from None
        return self._send(method, address, data, {**sent, **_bearer(token)}, timeout_s)

    def _send(
        self,
        method: str,
        address: str,
        data: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> http.client.HTTPResponse:
        sent = dict(headers)
        if data is not None:
            sent["Content-Type"] = "application/json"
        # The scheme is http or https: see __init__.
        request = urllib.request.Request(address, data, sent, method=method)  # noqa: S310
        try:
            answer: http.client.HTTPResponse = self._opener.open(request, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                raise self._failed(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        return answer

    def _failed(self, error: urllib.error.HTTPError) -> Failed:
        if error.code in (301, 302, 303, 307, 308):
            return Failed(f"{self.url} sends to {error.headers.get('Location')}: use that address")
        try:
            problem = json.loads(error.read())
        except (ValueError, OSError, http.client.HTTPException):
            problem = None
        if not isinstance(problem, dict) or "status" not in problem:
            return Failed(f"{self.url} does not answer like an Aoli portal (HTTP {error.code})")
        if "Retry-After" in error.headers:
            problem["retry_after_s"] = error.headers["Retry-After"]
        return Failed(problem.get("detail") or problem.get("title") or "failed", problem)

    def _unreachable(self, error: Exception) -> Unreachable:
        cause = getattr(error, "reason", error)
        why = "timed out" if isinstance(cause, TimeoutError) else str(cause) or type(cause).__name__
        return Unreachable(f"the portal at {self.url} does not answer: {why}")

    def _renew(self, login: Login) -> str:
        if not login.refresh_token:
            return ""
        address = f"{self.url}{API}/security/refresh"
        try:
            with self._send(
                "POST", address, b"{}", _bearer(login.refresh_token), TIMEOUT_S
            ) as answer:
                token = str(json.loads(answer.read())["access_token"])
        except Unreachable:
            raise
        except (Failed, ValueError, KeyError):
            return ""
        login_store.save(replace(login, access_token=token))
        return token

    def _signed_out(self, login: Login | None) -> Failed:
        if self._api_key:
            return Failed(f"{self.url} does not take the key in AOLI_API_KEY", {"status": 401})
        what = "your sign-in has ended" if login else "you are not signed in"
        return Failed(f"{what}: run aoli login {self.url}", {"status": 401})


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def connect(url: str | None = None) -> PortalApi:
    """The portal that is meant: ``url``, else AOLI_URL, else the last login, else this machine."""
    chosen = url or os.environ.get("AOLI_URL") or login_store.current_url() or DEFAULT_URL
    return PortalApi(chosen, os.environ.get("AOLI_API_KEY", ""))
