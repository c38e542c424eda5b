"""Lines of output as kubelet sends them and as everyone keeps them."""

from __future__ import annotations

import pytest

from portal.adapters.kubernetes.logs import stamped

BEFORE = b"2026-11-02T12:00:00.000000001Z"


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"2026-11-02T12:00:00.123456789Z loss\n", b"2026-11-02T12:00:00.123456789Z loss\n"),
        (b"2026-11-02T12:00:00.1Z x\n", b"2026-11-02T12:00:00.100000000Z x\n"),
        (b"2026-11-02T12:00:00Z x\n", b"2026-11-02T12:00:00.000000000Z x\n"),
        (b"2026-11-02T20:00:00.5+08:00 x\n", b"2026-11-02T12:00:00.500000000Z x\n"),
        (b"2026-11-02T12:00:00Z \n", b"2026-11-02T12:00:00.000000000Z \n"),
        (b"2026-11-02T12:00:00Z no end", b"2026-11-02T12:00:00.000000000Z no end\n"),
        (b"2026-11-02T12:00:00Z 2026-11-02T13:00:00Z x\n",
         b"2026-11-02T12:00:00.000000000Z 2026-11-02T13:00:00Z x\n"),
        (b"no time\n", BEFORE + b" no time\n"),
        (b"unable to retrieve container logs for containerd://1\n", None),
    ],
)  # fmt: skip
def test_a_line(raw: bytes, line: bytes | None) -> None:
    assert stamped(raw, BEFORE) == line


def test_a_first_line_without_a_time_is_not_the_commands() -> None:
    assert stamped(b"failed to read\n", b"") is None


def test_times_sort_as_text() -> None:
    raw = [b"2026-11-02T12:00:00.1Z a\n", b"2026-11-02T12:00:00.12Z b\n"]
    lines = [stamped(line, b"") or b"" for line in raw]
    assert lines == sorted(lines)
