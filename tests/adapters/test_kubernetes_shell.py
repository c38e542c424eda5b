"""The first process of a container, in the shells of this machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.adapters.kubernetes.shell import _FIRST_PROCESS, container_command, literal

SHELLS = [shell for shell in ("/bin/bash", "/bin/dash") if shutil.which(shell)]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> Iterator[str]:
    return request.param


def begin(shell: str, command: str, *before: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [shell, "-c", _FIRST_PROCESS, shell, command, *before],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("exit 3", 3), ("no-such-command 2>/dev/null", 127), ("kill -9 $$", 137)],
)
def test_the_exit_code_is_kept(shell: str, command: str, code: int) -> None:
    process = begin(shell, command)
    assert process.communicate(timeout=10)[0] == ""
    assert process.returncode == code


def test_sigterm_reaches_a_command_that_waits_for_another(shell: str) -> None:
    process = begin(
        shell, "trap 'echo bye; exit 5' TERM; sleep 60 >/dev/null 2>&1 & echo ready; wait"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == "bye\n"
    assert process.returncode == 5


def test_a_command_that_ignores_sigterm_is_waited_for(shell: str) -> None:
    process = begin(shell, "trap '' TERM; echo ready; sleep 0.5; exit 9")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 9


def test_the_command_is_run_by_bash_where_there_is_one() -> None:
    command = container_command('echo "${BASH_VERSION:+bash}"; exit 4')
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stdout == ("bash\n" if shutil.which("bash") else "\n")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("echo $HOME", "echo $HOME"),
        ("$(date)", "$$(date)"),
        ("echo $$", "echo $$$"),
        ("$$(x) $$y", "$$$$(x) $$$y"),
        ("100$", "100$"),
    ],
)
def test_dollars_survive_kubernetes(text: str, sent: str) -> None:
    assert literal(text) == sent
    assert expanded(sent) == text


def expanded(text: str) -> str:
    """What kubelet makes of a text: ``$$`` is ``$``, ``$(NAME)`` is the variable's value."""
    made, at = "", 0
    while at < len(text):
        if text[at : at + 2] == "$$":
            made, at = made + "$", at + 2
        elif text[at : at + 2] == "$(" and ")" in text[at:]:
            made, at = made + "VALUE", text.index(")", at) + 1
        else:
            made, at = made + text[at], at + 1
    return made


@pytest.mark.parametrize("before", ["echo unheard; touch {0}", "touch {0}; exit 3"])
def test_what_comes_before_is_run_unheard_and_disturbs_nothing(
    shell: str, before: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    process = begin(shell, f"ls {mark}; exit 4", before.format(mark))
    assert process.communicate(timeout=10)[0] == f"{mark}\n"
    assert process.returncode == 4
