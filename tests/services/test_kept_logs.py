"""Output is kept once and whole, however often and by however many it is brought."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import TemporaryFailure
from portal.domain.job import AttemptRef
from portal.services.logs.files import offset_of_tail, read_from, split_lines, tail, whole_lines
from portal.services.logs.keeper import LogKeeper
from portal.services.logs.live import live_line
from portal.testing import NOON, FakeCluster, a_launch

REF = AttemptRef("0a7f", 1)


class Talker(FakeCluster):
    """A cluster whose replica has printed ``said``: lines with their times."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[datetime, str]] = []
        self.breaks_after: int | None = None
        self.brought = 0

    def logs(
        self, ref: AttemptRef, replica: str, *, since: datetime | None = None, follow: bool = False
    ) -> Iterator[bytes]:
        for number, (at, text) in enumerate(list(self.said)):
            if self.breaks_after is not None and number >= self.breaks_after:
                raise TemporaryFailure("broken off")
            if since is None or at >= since.replace(microsecond=0):
                self.brought += 1
                yield f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z {text}\n".encode()


@pytest.fixture
def cluster() -> Talker:
    return Talker()


@pytest.fixture
def keeper(cluster: Talker, tmp_path: Path) -> LogKeeper:
    return LogKeeper(cluster, str(tmp_path))


def words(keeper: LogKeeper) -> list[str]:
    """The kept lines without their times."""
    lines = split_lines(keeper.path(REF, "main").read_bytes())
    return [line.decode().partition(" ")[2].rstrip("\n") for line in lines]


def later(milliseconds: float) -> datetime:
    return NOON + timedelta(milliseconds=milliseconds)


def test_a_line_is_kept_once(keeper: LogKeeper, cluster: Talker) -> None:
    for number in range(50):
        cluster.said.append((later(number * 100), f"line {number}"))
        keeper.keep(REF, ["main"])
        keeper.keep(REF, ["main"])
    assert words(keeper) == [f"line {number}" for number in range(50)]
    assert cluster.brought < 50 * 25


def test_lines_of_the_same_moment_are_all_kept(keeper: LogKeeper, cluster: Talker) -> None:
    cluster.said = [(NOON, "a"), (NOON, "b"), (NOON, "a")]
    keeper.keep(REF, ["main"])
    cluster.said += [(NOON, "c"), (NOON, "a")]
    keeper.keep(REF, ["main"])
    assert words(keeper) == ["a", "b", "a", "c", "a"]


def test_lines_whose_times_go_back_are_kept(keeper: LogKeeper, cluster: Talker) -> None:
    """Standard output and error are stamped by different hands."""
    cluster.said = [(later(2), "out"), (later(1), "error"), (later(3), "out")]
    keeper.keep(REF, ["main"])
    cluster.said += [(later(2.5), "error"), (later(4), "out")]
    keeper.keep(REF, ["main"])
    assert words(keeper) == ["out", "error", "out", "error", "out"]


def test_a_progress_bar_is_one_line(keeper: LogKeeper, cluster: Talker) -> None:
    cluster.said = [(later(1), "10%\r20%\r30%"), (later(2), "done")]
    for _ in range(3):
        keeper.keep(REF, ["main"])
    assert words(keeper) == ["10%\r20%\r30%", "done"]
    assert len(tail(keeper.path(REF, "main"), 2)) == 2


def test_what_a_bar_shows_stands_beside_the_output(
    keeper: LogKeeper, cluster: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = keeper.path(REF, "main")
    seen: list[bytes] = []

    def logs(*_: object, **__: object) -> Iterator[bytes]:
        yield b"2026-11-02T12:00:00.000000000Z begun\n"
        yield b"2026-11-02T12:00:01.000000000Z 10%"
        seen.append(live_line(path, path.stat().st_size))
        yield b"2026-11-02T12:00:01.000000000Z 20%"
        seen.append(live_line(path, path.stat().st_size))
        seen.append(live_line(path, 0))
        yield b"2026-11-02T12:00:01.000000000Z 30%\n"
        seen.append(live_line(path, path.stat().st_size))

    monkeypatch.setattr(cluster, "logs", logs)
    keeper.copy(REF, "main", follow=True)
    first, second = (b"2026-11-02T12:00:01.000000000Z %d%%" % n for n in (10, 20))
    assert seen == [first, second, b"", b""]
    assert words(keeper) == ["begun", "30%"]
    assert [path.name for path in path.parent.iterdir()] == ["1-main.log"]


def test_what_broke_off_goes_on(keeper: LogKeeper, cluster: Talker) -> None:
    cluster.said = [(later(number), f"line {number}") for number in range(100)]
    for breaks_after in (3, 50, 50, 99):
        cluster.breaks_after = breaks_after
        with pytest.raises(TemporaryFailure):
            keeper.keep(REF, ["main"])
    cluster.breaks_after = None
    keeper.keep(REF, ["main"])
    assert words(keeper) == [f"line {number}" for number in range(100)]


def test_several_keepers_at_once(cluster: Talker, tmp_path: Path) -> None:
    cluster.said = [(later(number // 7), f"line {number}") for number in range(2000)]
    barrier = threading.Barrier(4)

    def keep() -> None:
        barrier.wait()
        LogKeeper(cluster, str(tmp_path)).keep(REF, ["main"])

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words(LogKeeper(cluster, str(tmp_path))) == [f"line {n}" for n in range(2000)]


def test_following_ends_with_the_replica(tmp_path: Path) -> None:
    cluster = FakeCluster(auto=True)
    keeper = LogKeeper(cluster, str(tmp_path))
    launch = a_launch("echo one; sleep 5; echo two", ref=REF)
    cluster.launch(launch)
    follower = threading.Thread(target=keeper.copy, args=(REF, "worker-0"), kwargs={"follow": True})
    follower.start()
    for _ in range(10):
        cluster.advance(1)
    follower.join(20)
    assert not follower.is_alive()
    lines = [line.partition(b" ")[2] for line in tail(keeper.path(REF, "worker-0"), 10)]
    assert lines == [b"one\n", b"two\n"]


def test_a_cluster_that_keeps_its_logs_is_not_asked(tmp_path: Path) -> None:
    cluster = Talker()
    cluster.keeps_logs = True
    cluster.said = [(NOON, "x")]
    keeper = LogKeeper(cluster, str(tmp_path))
    keeper.keep(REF, ["main"])
    assert cluster.brought == 0
    assert not keeper.path(REF, "main").exists()


TEXTS = st.lists(st.binary(max_size=30).map(lambda text: text.replace(b"\n", b"")), max_size=40)


@given(texts=TEXTS, lines=st.integers(0, 45), partial=st.binary(max_size=5))
def test_the_tail_of_a_file(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes], lines: int, partial: bytes
) -> None:
    path = tmp_path_factory.mktemp("tail") / "log"
    whole = b"".join(text + b"\n" for text in texts)
    path.write_bytes(whole)
    expected = [text + b"\n" for text in texts][len(texts) - min(lines, len(texts)) :]
    assert tail(path, lines) == expected
    offset = offset_of_tail(path, lines)
    assert split_lines(read_from(path, offset)) == expected
    assert list(whole_lines(iter([whole[:7], whole[7:], b""]))) == split_lines(whole)
    path.write_bytes(whole + partial.replace(b"\n", b""))
    assert split_lines(read_from(path, offset_of_tail(path, lines))) == expected


def test_the_tail_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%07d %s\n" % (n, b"x" * 90) for n in range(20000)))
    assert tail(path, 3000)[0].startswith(b"0017000 ")
    assert offset_of_tail(path, 3000) == 17000 * 99
    assert tail(tmp_path / "none", 5) == []
    assert offset_of_tail(tmp_path / "none", 5) == 0
