"""The supervisor's parts: its loop, the lifeline, back-off, addresses, children's output."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from portal.processes import lifeline
from portal.processes.address import AddressTaken, listen, reachable, url_of
from portal.processes.children import FIRST_DELAY_S, LONGEST_DELAY_S, SETTLED_S, Backoff, describe
from portal.processes.event_loop import EventLoop
from portal.processes.initialise import draw_password
from portal.processes.lifeline import AlreadyRunning, Lifeline
from portal.processes.output import Output
from portal.processes.readiness import ReadyProbe
from portal.testing.waiting import eventually


def test_timers_fire_in_order() -> None:
    loop, fired = EventLoop(), list[str]()
    loop.after(0.02, lambda: fired.append("second"))
    loop.after(0.0, lambda: fired.append("first"))
    assert loop.run_until(lambda: len(fired) == 2, 10)
    loop.close()
    assert fired == ["first", "second"]


def test_a_condition_that_never_holds_times_out() -> None:
    loop = EventLoop()
    assert not loop.run_until(lambda: False, 0.01)
    loop.close()


def test_signals_call_back_from_the_loop() -> None:
    loop, heard = EventLoop(), list[str]()
    loop.on_signal(signal.SIGUSR1, lambda: heard.append("usr1"))
    os.kill(os.getpid(), signal.SIGUSR1)
    assert loop.run_until(lambda: bool(heard), 10)
    loop.close()
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_output_comes_line_by_line_with_a_name() -> None:
    loop, lines = EventLoop(), list[str]()
    script = "printf 'one\\ntw'; printf 'o\\n\\nlast'"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        Output(loop, process.stdout, "web", lines.append)
        assert loop.run_until(lambda: len(lines) == 3, 10)
    loop.close()
    assert [line.split("| ")[1] for line in lines] == ["one", "two", "last"]
    assert all(line.startswith("web ") for line in lines)


def test_backoff_grows_to_a_limit_and_forgets() -> None:
    backoff = Backoff()
    delays = [backoff.after(0.0) for _ in range(12)]
    assert delays[0] == FIRST_DELAY_S
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DELAY_S
    assert backoff.after(SETTLED_S) == FIRST_DELAY_S


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL"), (-64, "SIGRTMAX")]
)
def test_ends_in_words(code: int, words: str) -> None:
    assert describe(code) == words


def test_one_holder_of_the_lifeline(tmp_path: Path) -> None:
    first = Lifeline(tmp_path)
    first.seize()
    with pytest.raises(
        AlreadyRunning, match=f"already running on {tmp_path} .process {os.getpid()}"
    ):
        Lifeline(tmp_path).seize()
    first.release()
    again = Lifeline(tmp_path)
    again.seize()
    again.release()


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    program = (
        "import sys, signal; from pathlib import Path; from portal.processes.lifeline import *;"
        "Lifeline(Path(sys.argv[1])).seize(); print('held', flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program.replace("Lifeline(Path", "line = Lifeline(Path"), tmp_path],
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning):
            Lifeline(tmp_path).seize()
        holder.kill()
    Lifeline(tmp_path).seize()


def test_a_shim_that_holds_the_lock_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / lifeline.NAME
    path.write_text("")
    script = "flock -s 9; echo held; sleep 0.5"
    with subprocess.Popen(["sh", "-c", f"exec 9<{path}; {script}"], stdout=subprocess.PIPE) as shim:
        assert shim.stdout is not None
        assert shim.stdout.readline() == b"held\n"
        line = Lifeline(tmp_path)
        line.seize()
        line.release()


def test_a_taken_port_is_one_clear_line() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(
            AddressTaken, match=f"port {port}: .*in use; choose another with --port"
        ):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_one_clear_line() -> None:
    with pytest.raises(AddressTaken, match=r"192\.0\.2\.1 port 0"):
        listen("192.0.2.1", 0)


def test_everywhere_is_reached_here() -> None:
    assert reachable("0.0.0.0") == "127.0.0.1"
    assert reachable("10.1.2.3") == "10.1.2.3"


def test_readiness_is_asked_until_it_is_said() -> None:
    loop, ready = EventLoop(), list[bool]()
    with listen("127.0.0.1", 0) as listener:
        answers = [b"", b"HTTP/1.1 503 No\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                assert client.recv(4096).startswith(b"GET /healthz HTTP/1.0\r\n")
                client.sendall(answers.pop(0))

        loop.on_readable(listener.fileno(), serve)
        ReadyProbe(loop, listener.getsockname(), lambda: ready.append(True)).ask()
        assert loop.run_until(lambda: bool(ready), 10)
        assert not answers
    loop.close()


def test_a_port_that_is_not_served_yet_is_asked_again() -> None:
    loop, ready = EventLoop(), list[bool]()
    with socket.socket() as unserved:
        unserved.bind(("127.0.0.1", 0))
        ReadyProbe(loop, unserved.getsockname(), lambda: ready.append(True)).ask()
        assert not loop.run_until(lambda: bool(ready), 0.05)
    loop.close()


def test_passwords_are_long_and_different() -> None:
    drawn = {draw_password() for _ in range(100)}
    assert len(drawn) == 100
    assert all(len(password) == 23 for password in drawn)


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import subprocess, sys; from portal.adapters.parent_death import dying_with_me;"
        "child = subprocess.Popen(['sleep', '1000'], preexec_fn=dying_with_me());"
        "open(sys.argv[1], 'w').write(str(child.pid)); print('started', flush=True); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(note)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        parent.kill()
    pid = int(note.read_text())
    eventually(lambda: not _is_running(pid), what="the child is gone")


def _is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
