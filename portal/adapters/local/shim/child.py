"""From fork to exec: the process that becomes the user's command."""

from __future__ import annotations

import os

from portal.adapters.local.shim import kernel
from portal.adapters.local.shim.namespace import enter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:  # the enums of ``signal`` take longer to make than everything else here
    import _signal as signal

Plan = dict[str, object]
READY = b"\x00"
_RESET = (1, 2, 3, 13, 15, 17, 25)
"""Signals that Python or the shim treat in their own way (HUP, INT, QUIT, PIPE, TERM, ...)."""


class Child:
    """A forked process that waits at the door: prepared, not yet the command.

    ``failure`` says why it cannot be; then it is dead already.
    """

    def __init__(self, plan: Plan) -> None:
        self.output, write_out = os.pipe()
        self._told, tell = os.pipe()
        wait, self._let_go = os.pipe()
        shim = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _prepare(plan, shim, write_out)
                os.write(tell, READY)
                if os.read(wait, 1):
                    _become(plan)
            except BaseException as error:
                os.write(tell, str(error).encode("utf-8", "replace"))
            finally:
                os._exit(127)
        for fd in (write_out, tell, wait):
            os.close(fd)
        answer = os.read(self._told, 4096)
        self.failure = "" if answer == READY else answer.decode("utf-8", "replace") or "it died"

    def go(self) -> str:
        """Become the command; return why that failed, ``''`` when it did not."""
        try:  # noqa: SIM105 - contextlib takes long to import
            os.write(self._let_go, READY)
        except BrokenPipeError:
            # Killed at the door: its wait status says so, as it would a moment later.
            pass
        os.close(self._let_go)
        # Closed by the exec: so an empty answer means that the command runs.
        answer = os.read(self._told, 4096).decode("utf-8", "replace")
        os.close(self._told)
        return answer


def _prepare(plan: Plan, shim: int, output: int) -> None:
    os.setsid()
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    kind, binds, user = str(plan["namespace"]), plan["binds"], plan["user"]
    covers, late_covers = plan["covers"], plan["late_covers"]
    if kind:
        assert isinstance(binds, list)
        assert isinstance(covers, list)
        assert isinstance(late_covers, list)
        enter(kind, str(plan["stage"]), binds, covers, late_covers)
    if user:
        assert isinstance(user, int)
        # Else /dev/stdout and /dev/stderr could not be opened.
        os.fchown(output, user, user)
        become(user)
    # After the namespace and the user, which would take this back: dies with the shim.
    kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
    if os.getppid() != shim:
        raise OSError("the shim has died")
    os.chdir(str(plan["cwd"]))


def become(user: int) -> None:
    """Be this user and group for good, with the portal's other groups (of devices)."""
    os.setgroups([group for group in os.getgroups() if group])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


def _become(plan: Plan) -> None:
    argv, env = plan["argv"], plan["env"]
    assert isinstance(argv, list)
    assert isinstance(env, dict)
    os.execve(argv[0], argv, env)  # noqa: S606 - running commands is what this is for
