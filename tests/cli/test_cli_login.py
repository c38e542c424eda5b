"""Signing in, staying signed in, and what is said when the portal is not there."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from house import PASSWORD
from web_house import WebHouse

from portal.cli import login_store

if TYPE_CHECKING:
    from conftest import Shell


def test_login_keeps_a_private_token(stranger: Shell) -> None:
    assert "not signed in" in stranger.run("whoami").stderr
    stranger.sign_in()
    file = stranger.home / "aoli" / "login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    assert "alice" in stranger.ok("whoami")
    url = stranger.environment.pop("AOLI_URL")
    assert stranger.json("whoami")["username"] == "alice"
    assert f"signed out of {url}" in stranger.ok("logout")
    stranger.environment["AOLI_URL"] = url
    assert stranger.run("whoami").exit_code == 1
    assert stranger.run("logout").exit_code == 1
    assert "eyJ" not in file.read_text()


def test_login_asks_for_what_it_needs(stranger: Shell) -> None:
    result = stranger.run("login", stdin=f"alice\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert PASSWORD not in result.output


def test_a_wrong_password(stranger: Shell) -> None:
    result = stranger.run("login", "--username", "alice", "--password-stdin", stdin="wrong\n")
    assert result.exit_code == 1
    assert "password is wrong" in result.stderr
    assert not (stranger.home / "aoli").exists()


def test_a_token_that_has_run_out_is_renewed(
    stranger: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(stranger.home))
    stranger.sign_in()
    url = stranger.environment["AOLI_URL"]
    login = login_store.load(url)
    assert login is not None
    old = login_store.Login(url, "alice", "a.broken.token", login.refresh_token)
    login_store.save(old)
    assert stranger.json("whoami")["username"] == "alice"
    renewed = login_store.load(url)
    assert renewed is not None
    assert renewed.access_token not in ("a.broken.token", login.access_token)
    login_store.save(login_store.Login(url, "alice", "a.broken.token", "broken.too.x"))
    result = stranger.run("whoami")
    assert (result.exit_code, result.stderr.strip()) == (
        1,
        f"aoli: your sign-in has ended: run aoli login {url}",
    )


def test_a_key_that_is_not_taken(stranger: Shell) -> None:
    result = stranger.run("whoami", AOLI_API_KEY="nonsense")
    assert result.exit_code == 1
    assert "AOLI_API_KEY" in result.stderr


def test_the_key_counts_more_than_the_login(stranger: Shell, web_house: WebHouse) -> None:
    stranger.sign_in("alice")
    bob = stranger.run("whoami", "--json", AOLI_API_KEY=web_house.token("bob"))
    assert json.loads(bob.stdout)["username"] == "bob"


def test_nobody_answers(stranger: Shell) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = stranger.run("job", "list", AOLI_URL=url)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"aoli: the portal at {url} does not answer: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8420", "file:///etc/passwd"])
def test_an_address_that_is_none(stranger: Shell, url: str) -> None:
    assert stranger.run("job", "list", AOLI_URL=url).exit_code == 2


class _Other(BaseHTTPRequestHandler):
    """Some other server."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")

    def do_GET(self) -> None:
        status, headers, content = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        return


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, {}, b"<html>hello</html>"), "does not answer like an Aoli portal"),
        ((404, {}, b"<html>not here</html>"), "does not answer like an Aoli portal (HTTP 404)"),
        ((502, {}, b"[]"), "does not answer like an Aoli portal (HTTP 502)"),
        ((301, {"Location": "https://there/"}, b""), "sends to https://there/"),
    ],
)
def test_somebody_else_answers(stranger: Shell, answer: Any, says: str) -> None:
    handler = type("Handler", (_Other,), {"answer": answer})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        result = stranger.run("job", "list", AOLI_URL=url, AOLI_API_KEY="key")
        server.shutdown()
        thread.join()
    assert result.exit_code == 1
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_client_loads_nothing_large() -> None:
    code = (
        "import sys; from portal.cli.main import cli;"
        "sys.argv = ['aoli', 'job', 'list', '--help'];"
        "\ntry: cli()\nexcept SystemExit: pass\n"
        "large = {'flask', 'peewee', 'rq', 'redis', 'kubernetes', 'sqlalchemy', 'requests'};"
        "found = large & set(sys.modules); assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
