"""The client commands against a real HTTP server of the application."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from house import PASSWORD, House
from web_house import WebHouse
from werkzeug.serving import make_server

from portal.cli.main import cli


@dataclass
class Shell:
    """A user's shell with ``aoli`` in it."""

    environment: dict[str, str]
    home: Path
    house: House

    def run(self, *words: str, stdin: str | None = None, **environment: str) -> Result:
        """Run ``aoli WORDS``."""
        runner = CliRunner(env={**self.environment, **environment})
        return runner.invoke(cli, list(words), input=stdin)

    def ok(self, *words: str, **options: Any) -> str:
        """Standard output of ``aoli WORDS``, which must succeed."""
        result = self.run(*words, **options)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str) -> Any:
        """What ``aoli WORDS --json`` prints."""
        end = words.index("--") if "--" in words else len(words)
        return json.loads(self.ok(*words[:end], "--json", *words[end:]))

    def sign_in(self, name: str = "alice") -> None:
        """``aoli login``, truly."""
        self.ok("login", "--username", name, "--password-stdin", stdin=f"{PASSWORD}\n")


@pytest.fixture
def server(web_house: WebHouse) -> Iterator[str]:
    """The address of a real server."""
    made = make_server("127.0.0.1", 0, web_house.app, threaded=True)
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    web_house.app.extensions["aoli-streams"].stop.set()
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def stranger(server: str, web_house: WebHouse, tmp_path: Path) -> Shell:
    """Not signed in."""
    environment = {
        "AOLI_URL": server,
        "XDG_CONFIG_HOME": str(tmp_path / "home"),
        "AOLI_API_KEY": "",
        "NO_COLOR": "",
    }
    return Shell(environment, tmp_path / "home", web_house.house)


@pytest.fixture
def shell(stranger: Shell, web_house: WebHouse) -> Shell:
    """Alice's, with her token in the environment."""
    stranger.environment["AOLI_API_KEY"] = web_house.token("alice")
    return stranger
