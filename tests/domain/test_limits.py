"""Limits are in bytes where the kernel counts bytes, and say what is too long."""

from __future__ import annotations

import errno
import subprocess

import pytest

from portal.domain import limits
from portal.domain.limits import exec_problem, size_bytes, together_too_long, too_long


@pytest.mark.parametrize(
    ("text", "size"), [("abc", 3), ("训练", 6), ("🚀", 4), ("é", 2), ("", 0), ("\ud800", 3)]
)
def test_bytes_are_those_of_utf_8(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("unit", ["x", "é", "训", "🚀"])
def test_the_last_byte_decides(unit: str) -> None:
    size = len(unit.encode())
    assert too_long(unit * 10, 10 * size) is None
    error = too_long(unit * 10, 10 * size - 1)
    assert error is not None
    assert f"at most {10 * size - 1} bytes, has {10 * size}" in str(error)
    assert ("a Chinese character has 3" in str(error)) is (size > 1)


def test_command_and_variables_are_counted_together() -> None:
    rest = limits.MAX_TOGETHER_BYTES - 3 * 1000 - len("NAME")
    assert together_too_long("训" * 1000, {"NAME": "x" * rest}) is None
    error = together_too_long("训" * 1000, {"NAME": "x" * (rest + 1)})
    assert error is not None
    assert f"they have {limits.MAX_TOGETHER_BYTES + 1}" in str(error)


def starts(command: str, env: dict[str, str]) -> bool:
    """Whether this machine's kernel takes it."""
    try:
        subprocess.run(["/bin/true", command], env=env, check=True)
    except OSError as error:
        return error.errno != errno.E2BIG
    return True


@pytest.mark.parametrize(
    ("command", "env"),
    [
        ("x" * (limits.MAX_WORD_BYTES - 1), {}),
        ("x" * limits.MAX_WORD_BYTES, {}),
        ("训" * (limits.MAX_WORD_BYTES // 3), {}),
        ("训" * (limits.MAX_WORD_BYTES // 3 + 1), {}),
        ("x", {"TEXT": "x" * (limits.MAX_WORD_BYTES - len("TEXT=") - 1)}),
        ("x", {"TEXT": "x" * (limits.MAX_WORD_BYTES - len("TEXT="))}),
        ("x", {f"V{n}": "🚀" * 30_000 for n in range(10)}),
    ],
    ids=["word", "word+1", "chinese", "chinese+1", "variable", "variable+1", "many"],
)
def test_the_kernel_says_the_same(command: str, env: dict[str, str]) -> None:
    assert starts(command, env) is (exec_problem(command, env) is None)


def test_all_words_together_may_be_too_much() -> None:
    env = {f"V{n}": "x" * 100_000 for n in range(30)}
    assert "in all" in (exec_problem("x", env) or "")
    assert not starts("x", {f"V{n}": "x" * 130_000 for n in range(70)})
