"""``aoli up``: the whole portal on one machine, under one supervisor.

It starts Valkey, web, worker and scheduler, starts again what crashes, and ends everything
when it is told to. Should it be killed itself, the kernel takes the rest down: children die
with it, and the replicas' shims see the lifeline go.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from portal.adapters.embedded_valkey import EmbeddedValkey, ValkeyError
from portal.adapters.local.isolation import UNPROTECTED
from portal.adapters.parent_death import adopt_orphans
from portal.processes import lifeline
from portal.processes.address import AddressTaken, listen, reachable, url_of
from portal.processes.children import Child, descendants, kill_all, spawn_python
from portal.processes.event_loop import EventLoop
from portal.processes.initialise import Initialised
from portal.processes.output import Output
from portal.processes.readiness import ReadyProbe
from portal.settings import Settings

STOP_S = 12.0
"""Longer than the web process's grace; what is still there then is killed."""
REPLICAS_S = 10.0
GIVE_UP_AFTER = 3
"""A portal that never came up is not tried for ever."""

EMBEDDED_LEADER = "embedded"
"""In a Redis of our own no other scheduler can be: a new one takes the lead at once."""

Say = Callable[[str], None]
Popen = subprocess.Popen[bytes]


class CannotStart(Exception):
    """Why not, in one line."""


class Supervisor:
    """Runs everything; :meth:`run` returns the exit code."""

    def __init__(self, settings: Settings, say: Say, *, demo: bool = False) -> None:
        self._settings = settings
        self._say = say
        self._demo = demo
        self._loop = EventLoop()
        self._lifeline = lifeline.Lifeline(settings.data_dir)
        self._valkey = None if settings.redis_url else EmbeddedValkey(settings.data_dir / "valkey")
        self._children: dict[str, Child] = {}
        self._environment: dict[str, str] = {}
        self._listener: socket.socket | None = None
        self._initialised: Initialised | None = None
        self._failures = 0
        self._ready = False
        self._stopping = False
        self._code = 0

    def run(self) -> int:
        """From nothing to ready, then until a signal comes."""
        self._prepare()
        try:
            self._start()
            self._loop.run_until(lambda: self._stopping)
        except ValkeyError as error:
            raise CannotStart(str(error)) from error
        finally:
            self._stop_all()
        return self._code

    def _prepare(self) -> None:
        """Take the folder and the port; nothing else has happened when this fails."""
        data_dir = self._settings.data_dir
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            data_dir.chmod(0o700)
            if self._settings.cluster == "local":
                Path(self._settings.storage).mkdir(parents=True, exist_ok=True)
            self._lifeline.seize()
            self._listener = listen(self._settings.host, self._settings.port)
        except (lifeline.AlreadyRunning, AddressTaken) as error:
            self._lifeline.release()
            raise CannotStart(str(error)) from error
        except OSError as error:
            raise CannotStart(f"{error.filename or data_dir}: {error.strerror}") from error

    def _start(self) -> None:
        """Valkey, then web; worker and scheduler follow when the tables are there."""
        assert self._listener is not None
        adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.on_signal(number, self._asked_to_stop)
        self._loop.on_signal(signal.SIGCHLD, self._reap)
        if self._valkey is not None:
            self._launch(Child("valkey", self._valkey.start))
        host, port = self._listener.getsockname()[:2]
        self._environment = {
            "AOLI_HOST": host,
            "AOLI_PORT": str(port),
            "AOLI_LISTEN_FD": str(self._listener.fileno()),
            "AOLI_LEADER_TOKEN": uuid.uuid4().hex if self._valkey is None else EMBEDDED_LEADER,
            lifeline.VARIABLE: str(self._lifeline.path),
        }
        if self._valkey is not None:
            self._environment["AOLI_REDIS_URL"] = self._valkey.url
        self._launch(Child("web", self._start_web))
        ReadyProbe(self._loop, (reachable(host), port), self._is_ready).ask()

    def _start_web(self) -> Popen:
        """The first web process also runs the init step and tells when it is done."""
        assert self._listener is not None
        listening = self._listener.fileno()
        if self._initialised is not None:
            return spawn_python("web", self._environment, keep=(listening,))
        notice, told = os.pipe2(os.O_CLOEXEC)
        environment = {**self._environment, "AOLI_NOTICE_FD": str(told)}
        try:
            process = spawn_python("web", environment, keep=(listening, told))
        finally:
            os.close(told)
        self._loop.on_readable(notice, lambda: self._hear_of_init(notice))
        return process

    def _hear_of_init(self, notice: int) -> None:
        line = os.read(notice, 4096)
        self._loop.forget(notice)
        os.close(notice)
        if not line or self._stopping:
            return  # Web ended without having done it: the reaper sees to that.
        self._initialised = Initialised(**json.loads(line))
        for name in ("worker", "scheduler"):
            self._launch(Child(name, self._starter(name)))

    def _starter(self, name: str) -> Callable[[], Popen]:
        return lambda: spawn_python(name, self._environment)

    def _launch(self, child: Child) -> None:
        self._children[child.name] = child
        process = child.launch()
        if process.stdout is not None:
            Output(self._loop, process.stdout, child.name, self._say)

    def _is_ready(self) -> None:
        if self._ready or self._stopping:
            return
        self._ready = True
        assert self._listener is not None
        self._say(f"Aoli is ready at {self._settings.public_url or url_of(self._listener)}")
        done = self._initialised
        if done is not None and done.administrator:
            self._say(f"  user      {done.administrator}")
            if done.password:
                self._say(f"  password  {done.password}  (shown only this once)")
        if done is not None and done.jobs_reach_portal:
            self._say(f"  warning   {UNPROTECTED}")
        if self._demo:
            held = self._settings.local_devices.items()
            devices = ", ".join(f"{count} {kind}" for kind, count in held)
            self._say(f"  demo      {devices}: simulated devices; example jobs follow")
            self._launch(Child("demo", self._starter("demo"), restart=False))

    def _reap(self) -> None:
        """Take in every process that has ended: children and adopted ones."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in list(self._children.values()):
                if child.pid == pid:
                    self._ended(child, os.waitstatus_to_exitcode(status))

    def _ended(self, child: Child, code: int) -> None:
        delay = child.ended(code)
        if self._stopping or not child.restart:
            return
        if self._hopeless(child):
            self._say(f"{child.name} ended ({child.last_end}): Aoli could not start")
            self._code, self._stopping = 1, True
            return
        self._say(f"{child.name} ended ({child.last_end}); starting it again")
        self._loop.after(delay, lambda: self._start_again(child))

    def _hopeless(self, child: Child) -> bool:
        """Before everything was ready once, a failed init step or a few crashes are enough."""
        if self._ready:
            return False
        self._failures += 1
        not_initialised = child.name == "web" and self._initialised is None
        return not_initialised or self._failures >= GIVE_UP_AFTER

    def _start_again(self, child: Child) -> None:
        if self._stopping or child.pid is not None:
            return
        try:
            self._launch(child)
        except (ValkeyError, OSError) as error:
            self._say(f"{child.name} could not be started: {error}")
            self._loop.after(child.backoff.after(0), lambda: self._start_again(child))

    def _asked_to_stop(self) -> None:
        if self._stopping:
            kill_all(descendants())  # A second Ctrl-C: no more patience.
        else:
            self._say("stopping")
        self._stopping = True

    def _stop_all(self) -> None:
        """Ours first, then (by the lifeline) the replicas, Valkey last."""
        self._stopping = True
        ours = [child for child in self._children.values() if child.name != "valkey"]
        for number, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, 2.0)):
            for child in ours:
                child.send(number)
            if self._loop.run_until(lambda: not any(c.pid for c in ours), patience_s):
                break
        self._lifeline.release()
        if not self._loop.run_until(lambda: not self._adopted(), REPLICAS_S):
            kill_all(self._adopted())
            self._loop.run_until(lambda: not self._adopted(), 2)
        self._loop.close()
        if self._valkey is not None:
            self._valkey.stop()
        if self._listener is not None:
            self._listener.close()

    def _adopted(self) -> list[int]:
        """Processes of replicas that are still there."""
        known = {child.pid for child in self._children.values()}
        return [pid for pid in descendants() if pid not in known]


def print_line(text: str) -> None:
    """Print; a terminal that has gone must not end the portal."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError:
        return
