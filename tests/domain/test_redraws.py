"""One rule for carriage returns, however the output comes in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.kept_line import plain, sort_key, text_of
from portal.domain.redraws import LONGEST_LINE, LineCutter, last_state


def cut(*blocks: bytes) -> list[bytes]:
    cutter = LineCutter()
    return [line for block in blocks for line in cutter.feed(block)] + cutter.finish()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"loss 0.1", b"loss 0.1"),
        (b"loss 0.1\r", b"loss 0.1"),
        (b"loss 0.1\r\r", b"loss 0.1"),
        (b"10%\r20%\r30%", b"30%"),
        (b"\r10%\r20%", b"20%"),
        (b"10%\r100%\r    ", b"100%"),
        (b"10%\r100%\r\x1b[2K", b"100%"),
        (b"10%\r100%\r\x1b[2K\x1b[0m  \r", b"100%"),
        (b"10%\r\x1b[32m20%\x1b[0m", b"\x1b[32m20%\x1b[0m"),
        (b"\r", b""),
        (b"  \r  ", b""),
        (b"", b""),
        (b"   ", b"   "),
    ],
)
def test_the_last_state_that_shows_something_is_the_line(line: bytes, shown: bytes) -> None:
    assert last_state(line) == shown


@pytest.mark.parametrize(
    ("blocks", "lines"),
    [
        ([b"dos\r\nlines\r\n"], [b"dos", b"lines"]),
        ([b"dos\r", b"\nlines\r", b"\n"], [b"dos", b"lines"]),
        ([b"bar\r\n\r\nafter\r\r\n"], [b"bar", b"", b"after"]),
        ([b"\r 1%\r 2%\r 3%\ndone\n"], [b" 3%", b"done"]),
        ([b"1%\r", b"2%\r", b"3%\r"], [b"3%"]),
        ([b"1%\r2%\r", b"Traceback\n"], [b"Traceback"]),
        ([b"no end"], [b"no end"]),
        ([b"\n\n"], [b"", b""]),
    ],
)
def test_lines(blocks: list[bytes], lines: list[bytes]) -> None:
    assert cut(*blocks) == lines


def test_a_long_bar_takes_no_room() -> None:
    cutter = LineCutter()
    for number in range(2000):
        assert cutter.feed(b"\r%4d/2000 [%s]" % (number, b"#" * 60)) == []
    assert cutter.state == b"1999/2000 [%s]" % (b"#" * 60)
    assert len(cutter._rest) < 200
    assert cutter.feed(b"\n") == [b"1999/2000 [%s]" % (b"#" * 60)]


PARTS = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"a", b" ", b"50%", b"\x1b[2K", "é".encode(), b"x" * LONGEST_LINE,
     "é".encode() * 9000, b"y" * (2 * LONGEST_LINE + 5)]
)  # fmt: skip


@given(parts=st.lists(PARTS, max_size=12), cuts=st.lists(st.integers(0, 100_000), max_size=6))
def test_how_output_is_cut_up_makes_no_difference(parts: list[bytes], cuts: list[int]) -> None:
    raw = b"".join(parts)
    marks = sorted({0, *(min(place, len(raw)) for place in cuts), len(raw)})
    whole = cut(raw)
    assert cut(*(raw[a:b] for a, b in itertools.pairwise(marks))) == whole
    assert all(len(line) <= LONGEST_LINE and b"\r" not in line for line in whole)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"plain \xe4\xb8\xad\xe6\x96\x87\ttab", b"plain \xe4\xb8\xad\xe6\x96\x87\ttab"),
        (b"\x1b[1;31mERROR\x1b[0m x", b"ERROR x"),
        (b"\x1b[38;2;1;2;3mrgb\x1b[38:5:9mx\x1b[K", b"rgbx"),
        (b"\x1b]8;;https://example.org/\x1b\\here\x1b]8;;\x1b\\ it is", b"here it is"),
        (b"\x1b]8;;https://example.org/\x07here\x1b]8;;\x07", b"here"),
        (b"\x1b]0;title\x07text", b"text"),
        (b"|\b/\b-\b done", b" done"),
        ("é\bab".encode(), b"ab"),
        (b"\b\bab\x07\x00", b"ab"),
    ],
)
def test_plain_text_is_what_one_reads(text: bytes, shown: bytes) -> None:
    assert plain(text) == shown


def test_a_kept_line() -> None:
    assert text_of(b"2026-11-02T12:00:00Z 10%\r20%\r\n") == b"20%"
    assert text_of(b"2026-11-02T12:00:00Z  two  spaces \n") == b" two  spaces "
    assert text_of(b"2026-11-02T12:00:00Z\n") == b""
    whole, half = b"2026-11-02T12:00:00Z b\n", b"2026-11-02T12:00:00.500000Z a\n"
    assert sort_key(whole) < sort_key(half)
    assert sort_key(b"no time\n") == b""
