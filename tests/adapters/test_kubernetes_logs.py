"""Lines of output as kubelet sends them and as everyone keeps them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.adapters.kubernetes.log_lines import LONGEST_LINE, LogLines

ID = "4ed0fbc0a5c1"
FIRST, SECOND, THIRD = (b"2026-11-02T12:00:0%d.000000001Z" % n for n in (1, 2, 3))
GONE = (
    b"rpc error: code = NotFound desc = an error occurred when try to find container"
    b' "%b": not found' % ID.encode()
)


def read(*blocks: bytes) -> tuple[list[bytes], bytes]:
    lines = LogLines()
    given = [line for block in blocks for line in lines.feed(block)]
    return given, lines.unended(ID)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"2026-11-02T12:00:00.123456789Z loss\n", b"2026-11-02T12:00:00.123456789Z loss\n"),
        (b"2026-11-02T12:00:00.1Z x\n", b"2026-11-02T12:00:00.100000000Z x\n"),
        (b"2026-11-02T12:00:00Z x\n", b"2026-11-02T12:00:00.000000000Z x\n"),
        (b"2026-11-02T20:00:00.5+08:00 x\n", b"2026-11-02T12:00:00.500000000Z x\n"),
        (b"2026-11-02T12:00:00Z \n", b"2026-11-02T12:00:00.000000000Z \n"),
        (b"2026-11-02T12:00:00Z\n", b"2026-11-02T12:00:00.000000000Z \n"),
        (b"2026-11-02T12:00:00Z 2026-11-02T13:00:00Z x\n",
         b"2026-11-02T12:00:00.000000000Z 2026-11-02T13:00:00Z x\n"),
    ],
)  # fmt: skip
def test_a_line(raw: bytes, line: bytes) -> None:
    assert read(raw) == ([line], b"")


@pytest.mark.parametrize(
    "words",
    [
        GONE,
        b"unable to retrieve container logs for containerd://4ed0",
        b'failed to try resolving symlinks in path "/var/log/pods/x": no such file',
        b"words that nobody has thought of",
    ],
)
def test_what_has_no_time_is_not_the_commands(words: bytes) -> None:
    """Also behind output, where it has no line of its own to be told by."""
    said = FIRST + b" bye\n"
    assert read(words) == ([], b"")
    assert read(words + b"\n") == ([], b"")
    assert read(said, words) == ([said], b"")
    assert read(said + words[:9], words[9:]) == ([said], b"")


def test_the_end_of_a_line_that_began_too_early_is_left_out() -> None:
    assert read(b"the end of it\n" + SECOND + b" next\n") == ([SECOND + b" next\n"], b"")


def test_a_line_without_an_end_is_told_apart() -> None:
    whole, unended = read(FIRST + b" one\n" + SECOND + b" no e", b"nd")
    assert whole == [FIRST + b" one\n"]
    assert unended == SECOND + b" no end\n"


def test_kubelets_words_behind_a_line_without_an_end_are_cut_off() -> None:
    assert read(FIRST + b" no end" + GONE) == ([], FIRST + b" no end\n")


def test_the_commands_own_words_are_not_taken_for_kubelets() -> None:
    own = b"rpc error: code = NotFound desc = no such user"
    assert read(FIRST + b" " + own) == ([], FIRST + b" " + own + b"\n")
    assert read(FIRST + b" " + GONE + b"\n")[0] == [FIRST + b" " + GONE + b"\n"]


PIECE = b"a" * LONGEST_LINE


def test_a_long_line_with_a_time_before_each_of_its_pieces() -> None:
    """As kubelet sends it before 1.27."""
    raw = FIRST + b" " + PIECE + SECOND + b" " + PIECE + THIRD + b" end\n"
    want = [FIRST + b" " + PIECE + b"\n", SECOND + b" " + PIECE + b"\n", THIRD + b" end\n"]
    assert read(raw) == (want, b"")
    assert read(*(raw[i : i + 1000] for i in range(0, len(raw), 1000))) == (want, b"")


def test_a_long_line_with_one_time() -> None:
    """As kubelet sends it since 1.27. It is shown while it grows."""
    raw = FIRST + b" " + PIECE + PIECE + b"end"
    want = [FIRST + b" " + PIECE + b"\n"] * 2
    assert read(raw) == (want[:1], FIRST + b" " + PIECE + b"end\n")
    assert read(raw + b"\n") == ([*want, FIRST + b" end\n"], b"")


def test_a_character_is_not_broken_in_two() -> None:
    text = b"a" + "é".encode() * LONGEST_LINE
    lines, _ = read(FIRST + b" " + text + b"\n")
    shown = [line.partition(b" ")[2].rstrip(b"\n") for line in lines]
    assert b"".join(shown) == text
    assert all(len(part.decode()) and len(part) <= LONGEST_LINE for part in shown)


@pytest.mark.parametrize("time", [FIRST, b"2026-11-02T11:59:59.123456789Z"])
def test_times_that_the_command_writes_stay(time: bytes) -> None:
    text = b"b" * 5000 + time + b" more"
    assert read(SECOND + b" " + text + b"\n") == ([SECOND + b" " + text + b"\n"], b"")


def test_times_sort_as_text() -> None:
    lines, _ = read(b"2026-11-02T12:00:00.1Z a\n2026-11-02T12:00:00.12Z b\n")
    assert lines == sorted(lines)


def test_windows_line_ends_leave_no_empty_lines() -> None:
    assert read(FIRST + b" one\r\n" + SECOND + b" two\r\n") == (
        [FIRST + b" one\n", SECOND + b" two\n"], b"",
    )  # fmt: skip


def test_a_bar_is_one_line_of_its_last_state() -> None:
    assert read(FIRST + b" 10%\r20%\r30%\r\n")[0] == [FIRST + b" 30%\n"]
    assert read(FIRST + b" 10%\r20%\r   ") == ([], FIRST + b" 20%\n")


@pytest.mark.parametrize("stamps", [True, False])
def test_a_bar_of_many_records_is_one_line(stamps: bool) -> None:
    """With a time before each record (kubelet before 1.27) and with one."""
    bar = b"".join(b"\r%5d/9000 [%s]" % (n, b"#" * 40) for n in range(900))
    records = [bar[i : i + LONGEST_LINE] for i in range(0, len(bar), LONGEST_LINE)]
    times = [b"2026-11-02T12:00:%02d.000000001Z " % n for n in range(len(records))]
    raw = b"".join(
        (time if stamps or not number else b"") + record
        for number, (time, record) in enumerate(zip(times, records, strict=True))
    )
    (line,), unended = read(raw + b"\n" + THIRD + b" x")
    assert line[31:] == b"  899/9000 [%s]\n" % (b"#" * 40)
    assert unended == THIRD + b" x\n"


def test_what_a_bar_shows_now() -> None:
    lines = LogLines()
    assert list(lines.feed(FIRST + b" begun\n" + SECOND + b" no bar")) == [FIRST + b" begun\n"]
    assert lines.redrawn(ID) == b""
    assert list(lines.feed(b"\r10%\r20%" + GONE)) == []
    assert lines.redrawn(ID) == SECOND + b" 20%"
    assert lines.redrawn() == SECOND + b" 20%" + GONE


TEXTS = st.one_of(
    st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"")),
    st.sampled_from(
        [
            b"\r",
            b"1%\r2%",
            PIECE + b"\rend",
            PIECE,
            PIECE + b"b",
            "é".encode() * 9000,
            FIRST,
            FIRST + b" x",
            GONE,
        ]
    ),
)


@given(
    records=st.lists(st.tuples(TEXTS, st.booleans()), max_size=12),
    cuts=st.lists(st.integers(0, 400_000), max_size=8),
)
def test_how_an_answer_is_cut_up_makes_no_difference(
    records: list[tuple[bytes, bool]], cuts: list[int]
) -> None:
    """A second answer must bring the same lines as the first."""
    raw = b"".join(
        b"2026-11-02T12:00:%02d.000000001Z " % number + text + (b"\n" if ended else b"")
        for number, (text, ended) in enumerate(records)
    )
    marks = sorted({0, *(min(cut, len(raw)) for cut in cuts), len(raw)})
    blocks = [raw[a:b] for a, b in itertools.pairwise(marks)]
    assert read(*blocks) == read(raw)
