"""The shim: starts one command, keeps its output, says how it ended, leaves nothing behind.

It belongs to nobody: its own session, no parent that matters. Who wants the replica to end
writes ``stop.json`` and sends SIGTERM; who wants to know reads ``status.json``. Exactly one
shim drives a replica, the one that holds the lock on ``shim.lock``.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import select
import sys
import time

from portal.adapters.local.shim import family, kernel, lifeline
from portal.adapters.local.shim.child import Child, Plan
from portal.adapters.local.shim.pump import READ_SIZE, LineLog
from portal.adapters.local.shim.record import Record, now

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:  # the enums of ``signal`` take longer to make than everything else here
    import _signal as signal

LIFELINE_GRACE_S = 2.0
KILL_PATIENCE_S = 10.0
DRAIN_S = 2.0
AFTERMATH_S = 1.0
"""So long after a command was killed the end of the portal is taken for the cause."""
FULL_DISK_PAUSE_S = 1.0
STARTED = b"ok"
_FROM_OUTSIDE = (1, 2, 9, 15)
"""Signals that a command seldom brings upon itself (HUP, INT, KILL, TERM)."""


def main() -> None:
    """Read the instructions, see that nobody else drives the replica, go to the background."""
    data = b""
    while chunk := os.read(0, READ_SIZE):
        data += chunk
    # From the process that started us, over a pipe: the same Python, the same user.
    plan: Plan = marshal.loads(data)  # noqa: S302
    folder = str(plan["folder"])
    lock = os.open(f"{folder}/shim.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock = -1
    if lock < 0 or _was_started(folder):
        os.write(1, STARTED)
        return
    if os.fork() == 0:
        try:
            _in_background(plan, folder)
        finally:
            os._exit(1)
    # Without the clean-up of an interpreter that nobody needs any more.
    os._exit(0)


def _was_started(folder: str) -> bool:
    """Whether a command was ever started here: it never is a second time."""
    try:
        with open(f"{folder}/status.json", encoding="utf-8") as file:
            return '"phase": "pending"' not in file.read()
    except FileNotFoundError:
        return False


def _in_background(plan: Plan, folder: str) -> None:
    os.setsid()
    errors = os.open(f"{folder}/shim.err", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(errors, 2)
    try:
        Supervisor(plan).run()
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        family.end_all(KILL_PATIENCE_S)


class Supervisor:
    """One replica from start to end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._folder = str(plan["folder"])
        self._record = Record(self._folder, str(plan["watchers"]), str(plan["name"]))
        self._lifeline = str(plan["lifeline"])
        self._kill_at: float | None = None
        self._killed = False
        self._command = 0
        self._signalled = False
        """It was asked to end while its command ran."""
        self._code = ""
        self._detail = ""
        self._wake, self._woken = _signal_pipe()
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)

    def run(self) -> None:
        """Everything; returns when nothing of the replica is left."""
        self._record.write("pending")
        try:  # noqa: SIM105 - contextlib takes long to import
            os.write(1, STARTED)
        except BrokenPipeError:
            # Whoever started us was killed meanwhile. Others have seen our lock and count on us.
            pass
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        # Whoever wants it stopped writes the wish first and looks for us then; so look now.
        if self._stop_wanted() is not None:
            self._end(143, detail="stopped before it started")
        elif self._lifeline and lifeline.is_cut(self._lifeline):
            self._end(143, code="runtime_stopped", detail="the portal was stopped")
        else:
            self._run_command()

    def _run_command(self) -> None:
        try:
            log = os.open(str(self._plan["log"]), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o640)
            child = Child(self._plan)
        except OSError as error:
            self._end(127, code="start_error", detail=str(error))
            return
        failure = child.failure
        if not failure:
            self._record.write("running", pid=child.pid, started_at=now())
            failure = child.go()
        if failure:
            family.end_all(KILL_PATIENCE_S)
            self._end(127, code="start_error", detail=failure)
            return
        lines = LineLog(log, str(self._plan["live"]))
        status = self._until_it_ends(child, lines)
        if status == 0 and not self._signalled:
            # Done, whatever happens to the portal at the same moment.
            self._code = self._detail = ""
        family.end_all(KILL_PATIENCE_S)
        _drain(child.output, lines)
        lines.finish()
        self._end(_exit_code(status), code=self._code, detail=self._detail)

    def _until_it_ends(self, child: Child, lines: LineLog) -> int:
        """Keep the output and obey wishes until the command ends; its wait status.

        Its end is that of its own process. But when it was asked to end, the others get the
        grace too: a shell dies at once, what it started may be writing a checkpoint.
        """
        self._command = child.pid
        cut = lifeline.hold(self._lifeline) if self._lifeline else -1
        poller = select.poll()
        for fd in (child.output, self._wake, cut):
            if fd >= 0:
                poller.register(fd, select.POLLIN)
        status: int | None = None
        while status is None or (self._waits_for_others() and not family.alone()):
            for fd, _ in poller.poll(self._wait_ms(lines.due_s())):
                if fd == self._wake:
                    self._obey(os.read(fd, READ_SIZE))
                elif fd == cut:
                    poller.unregister(fd)
                    self._portal_stopped()
                elif data := os.read(fd, READ_SIZE):
                    lines.feed(data)
                else:
                    poller.unregister(fd)
            lines.show()
            status = family.reap().get(child.pid, status)
            self._kill_when_due()
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) in _FROM_OUTSIDE:
            self._look_for_the_cause(cut)
        return status

    def _look_for_the_cause(self, cut: int) -> None:
        """Whether the portal ends, too: then it was not the user's command that failed.

        Whoever stops a whole machine or service signals all its processes, in any order.
        """
        poller = select.poll()
        for fd in (self._wake, cut):
            if fd >= 0:
                poller.register(fd, select.POLLIN)
        due = time.monotonic() + AFTERMATH_S
        while self._kill_at is None and (left := due - time.monotonic()) > 0:
            for fd, _ in poller.poll(left * 1000):
                if fd == cut:
                    self._portal_stopped()
                else:
                    self._obey(os.read(fd, READ_SIZE))

    def _waits_for_others(self) -> bool:
        return self._kill_at is not None and not self._killed

    def _obey(self, signals: bytes) -> None:
        if family.SIGTERM not in signals:
            return
        wanted = self._stop_wanted()
        if wanted is None:
            # Not asked for by the portal: the machine goes down, or somebody wants us away.
            self._portal_stopped()
        else:
            self._ask_to_end(wanted)

    def _portal_stopped(self) -> None:
        self._code, self._detail = "runtime_stopped", "the portal was stopped"
        self._ask_to_end(LIFELINE_GRACE_S)

    def _ask_to_end(self, grace_s: float) -> None:
        """SIGTERM; a later wish may shorten the grace, never lengthen it."""
        due = time.monotonic() + grace_s
        self._signalled = self._signalled or self._command_runs()
        if grace_s > 0:
            family.ask_all(family.SIGTERM)
        self._kill_at = due if self._kill_at is None else min(due, self._kill_at)

    def _command_runs(self) -> bool:
        """Whether the command has not ended; its end is not taken note of here."""
        try:
            how = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._command, how) is None
        except ChildProcessError:
            return False

    def _wait_ms(self, show_s: float | None) -> float | None:
        """Until the command is to be killed, or the line it draws to be shown."""
        kill_s = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
        due = [seconds for seconds in (kill_s, show_s) if seconds is not None]
        return min(due) * 1000 + 1 if due else None

    def _kill_when_due(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            family.signal_all(family.SIGKILL)
            self._killed = True
            # Somebody may just have forked: again soon, until the command is gone.
            self._kill_at = time.monotonic() + 0.1

    def _stop_wanted(self) -> float | None:
        """The grace of a wish to stop, ``None`` when there is none."""
        try:
            with open(f"{self._folder}/stop.json", encoding="ascii") as file:
                return float(file.read().partition(":")[2].strip(" }\n"))
        except FileNotFoundError:
            return None

    def _end(self, exit_code: int, *, code: str = "", detail: str = "") -> None:
        fields: dict[str, str | int] = {"exit_code": exit_code, "finished_at": now()}
        if code:
            fields["code"] = code
        if detail:
            fields["detail"] = detail
        if self._signalled:
            fields["signalled"] = 1
        while True:
            try:
                self._record.write("exited", durable=True, **fields)
                return
            except FileNotFoundError:
                # Taken away meanwhile: nobody wants to know.
                return
            except OSError:
                # A full disk must not cost a result that took days; nothing runs any more.
                time.sleep(FULL_DISK_PAUSE_S)


def _signal_pipe() -> tuple[int, int]:
    """A pipe that gets the number of each signal; those of a terminal are not for us."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in (family.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    return wake, woken


def _drain(output: int, lines: LineLog) -> None:
    """What is still in the pipe; not for ever, somebody outside may hold its other end."""
    poller = select.poll()
    poller.register(output, select.POLLIN)
    deadline = time.monotonic() + DRAIN_S
    while (left := deadline - time.monotonic()) > 0 and poller.poll(left * 1000):
        data = os.read(output, READ_SIZE)
        if not data:
            return
        lines.feed(data)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
