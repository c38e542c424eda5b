"""A whole portal as a process of its own (``aoli up``), with a small client: for tests.

It is started on a free port with its data in a folder of the test, and dies with the test.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from portal.adapters.parent_death import dying_with_me
from portal.testing.waiting import eventually

READY = re.compile(r"^Aoli is ready at (\S+)$", re.MULTILINE)
PASSWORD = "for-tests-only"  # noqa: S105
START_S = 60.0
TERMINAL = ("finished", "failed", "error", "killed")


class CallFailed(Exception):
    """The portal answered with an error status."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class RunningPortal:
    """``aoli up`` in ``folder``. ``settings`` are environment variables (``AOLI_…``).

    Can be started again after :meth:`stop` or :meth:`kill`, with the same data.
    """

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.log = folder / "up.log"
        self.url = ""
        self._options = options
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""

    def __enter__(self) -> RunningPortal:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.stop()
        if error is not None:
            error.add_note(f"--- the portal said\n{self.said()[-4000:]}")

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            begin = output.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "portal.cli", "up", "--port", "0", *self._options],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dying_with_me(),
            )
        found = eventually(lambda: self._ready(begin), START_S, what="the portal is ready")
        assert found is not None
        self.url = found[1]

    def environment(self) -> dict[str, str]:
        """What its processes find in their environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AOLI_")}
        return {
            **kept,
            "AOLI_DATA_DIR": str(self.data_dir),
            "AOLI_CONFIG_DIR": str(self.folder / "config"),
            "AOLI_ADMIN_PASSWORD": PASSWORD,
            "SPT_NOENV": "1",  # titles must not cover the environment: tests look there
            **self._settings,
        }

    def _ready(self, begin: int) -> re.Match[str] | None:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the portal ended:\n{self.said()}")
        return READY.search(self.log.read_text("utf-8", "replace")[begin:])

    def said(self) -> str:
        """Everything it printed, of all starts."""
        return self.log.read_text("utf-8", "replace")

    def stop(self) -> int:
        """Ask it to end, as Ctrl-C does; the exit code."""
        return self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the supervisor as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(number)
        return process.wait(60)

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
