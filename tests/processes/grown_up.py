"""A portal as it runs for many users: PostgreSQL, Redis, and each process by itself.

Jobs run in the local runtime, which all processes share by its folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from servers import PostgresServer, free_port

from portal.adapters.parent_death import dying_with_me
from portal.processes import lifeline
from portal.testing.calling import PASSWORD, PortalClient
from portal.testing.waiting import eventually

LEADING = re.compile(r"leading \(epoch \d+\)")
START_S = 90
STOP_S = 60


class GrownUpPortal(PortalClient):
    """Processes by name (``worker-1``), each with its own log; ended with the block."""

    def __init__(
        self, folder: Path, server: PostgresServer, redis_url: str, **settings: str
    ) -> None:
        super().__init__()
        self.data_dir = folder / "data"
        self.database = server.create()
        self._server = server
        self._folder = folder
        self._lifeline = lifeline.Lifeline(self.data_dir)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AOLI_")}
        self._environment = {
            **kept,
            "AOLI_DATABASE_URL": server.url(self.database),
            "AOLI_REDIS_URL": redis_url,
            "AOLI_SECRET_KEY": "a key of tests long enough for HMAC",
            "AOLI_ADMIN_PASSWORD": PASSWORD,
            "AOLI_DATA_DIR": str(self.data_dir),
            "AOLI_CONFIG_DIR": str(folder / "config"),
            lifeline.VARIABLE: str(self._lifeline.path),
            "SPT_NOENV": "1",
            "TZ": "UTC",
            **settings,
        }

    def __enter__(self) -> GrownUpPortal:
        self.data_dir.mkdir(parents=True)
        (self._folder / "config").mkdir()
        self._lifeline.seize()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._lifeline.release()
        self._server.drop(self.database)
        if error is not None:
            for path in sorted(self._folder.glob("*.log")):
                error.add_note(f"--- {path.name}\n{path.read_text('utf-8', 'replace')[-3000:]}")

    def run(self, *words: str) -> str:
        """Run a command that ends well; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "portal.cli", *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str) -> None:
        """Start ``web`` or ``worker-1`` …; does not wait."""
        with (self._folder / f"{name}.log").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "portal.cli", name.partition("-")[0]],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dying_with_me(),
            )

    def start_web(self) -> None:
        """Start ``web`` on a free port and wait until everything behind it answers."""
        port = free_port()
        self._environment["AOLI_PORT"] = str(port)
        self.url = f"http://127.0.0.1:{port}"
        self.start("web")
        eventually(self.is_ready, START_S, what="/readyz answers 200")

    def is_ready(self) -> bool:
        """What a load balancer would be told."""
        assert self._processes["web"].poll() is None, self.said("web")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def said(self, name: str = "*") -> str:
        """What a process has printed; all of them by default."""
        found = sorted(self._folder.glob(f"{name}.log"))
        return "\n".join(path.read_text("utf-8", "replace") for path in found)

    def leader(self) -> str:
        """The scheduler that lives and leads; ``""`` when none does."""
        for name, process in self._processes.items():
            if name.startswith("scheduler") and process.poll() is None:
                gained = [found.start() for found in LEADING.finditer(self.said(name))]
                if gained and self.said(name).rfind("no longer leading") < gained[-1]:
                    return name
        return ""

    def kill(self, name: str) -> float:
        """End a process as a crash would; when (seconds of the monotonic clock)."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()
        return time.monotonic()

    def cut_database(self) -> None:
        """Every process loses its connections."""
        self._server.disconnect(self.database)

    def stop(self) -> dict[str, int]:
        """Ask all to end; their exit codes."""
        processes, self._processes = self._processes, {}
        for process in processes.values():
            process.terminate()
        return {name: process.wait(STOP_S) for name, process in processes.items()}
