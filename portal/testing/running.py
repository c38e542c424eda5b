"""A whole portal as a process of its own (``aoli up``), with a small client: for tests.

It is started on a free port with its data in a folder of the test, and dies with the test.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from portal.adapters.parent_death import dying_with_me
from portal.testing.calling import PASSWORD, PortalClient
from portal.testing.waiting import eventually

READY = re.compile(r"^Aoli is ready at (\S+)$", re.MULTILINE)
START_S = 60.0


class RunningPortal(PortalClient):
    """``aoli up`` in ``folder``. ``settings`` are environment variables (``AOLI_…``).

    Can be started again after :meth:`stop` or :meth:`kill`, with the same data.
    """

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        super().__init__()
        self.folder = folder
        self.data_dir = folder / "data"
        self.log = folder / "up.log"
        self._options = options
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

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
        (self.folder / "config").mkdir(parents=True, exist_ok=True)
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
