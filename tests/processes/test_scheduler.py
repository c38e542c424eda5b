"""The leader's duty: ticks and the watch, begun and ended as a whole."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.domain.errors import TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed
from portal.models import db
from portal.processes.scheduler import Duty
from portal.processes.ticks import Tick
from portal.testing.builders import a_launch, a_node
from portal.testing.fake_cluster import FakeCluster
from portal.testing.recording import RecordingListener
from portal.testing.waiting import eventually


@pytest.fixture(autouse=True)
def _database(tmp_path: Path) -> Iterator[None]:
    db.bind(f"sqlite:///{tmp_path}/test.db")
    yield
    db.close()


class Lead:
    """Whether we lead, as the test says."""

    def __init__(self) -> None:
        self.held = True

    def __call__(self) -> bool:
        return self.held


def test_it_ticks_and_hears_until_it_ends() -> None:
    ticked, listener = threading.Semaphore(0), RecordingListener()
    duty = Duty([Tick("tick", 0.01, ticked.release)], FakeCluster(), listener, Lead())
    duty.begin()
    assert all(ticked.acquire(timeout=40) for _ in range(3))
    eventually(lambda: listener.calls[:2] == ["nodes_changed", "listed"])
    duty.end()
    assert not [thread for thread in threading.enumerate() if thread.name == "watch"]


def test_it_may_begin_again() -> None:
    ticked, cluster = threading.Semaphore(0), FakeCluster()
    listener = RecordingListener()
    duty = Duty([Tick("tick", 60, ticked.release)], cluster, listener, Lead())
    for _ in range(3):
        duty.begin()
        assert ticked.acquire(timeout=40), "the first tick comes at once"
        duty.end()
    eventually(lambda: listener.calls.count("listed") == 3)


def test_without_the_lead_nothing_is_done() -> None:
    lead, asked = Lead(), threading.Semaphore(0)
    lead.held = False

    class Asked(Lead):
        def __call__(self) -> bool:
            asked.release()
            return False

    called: list[str] = []
    listener = RecordingListener()
    duty = Duty([Tick("tick", 0.01, lambda: called.append("x"))], FakeCluster(), listener, Asked())
    duty.begin()
    assert all(asked.acquire(timeout=40) for _ in range(5))
    duty.end()
    assert not called
    assert not listener.calls


def test_a_tick_that_fails_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    failures = iter([TemporaryFailure("away for now"), RuntimeError("a mistake")])
    done = threading.Event()

    def tick() -> None:
        error = next(failures, None)
        if error is None:
            done.set()
            return
        raise error

    with caplog.at_level(logging.WARNING):
        duty = Duty([Tick("tick", 0.01, tick)], FakeCluster(), RecordingListener(), Lead())
        duty.begin()
        assert done.wait(40)
        duty.end()
    records = {record.getMessage(): record for record in caplog.records}
    assert records["tick: away for now"].exc_info is None
    assert records["tick failed"].exc_info is not None


def test_news_that_cannot_be_taken_in_do_not_end_the_watch() -> None:
    heard = threading.Event()

    class Clumsy(RecordingListener):
        def attempt_changed(self, observed: Observed) -> None:
            super().attempt_changed(observed)
            if observed.ref.attempt == 1:
                raise RuntimeError("not this one")
            heard.set()

    cluster = FakeCluster(nodes=[a_node()])
    listener = Clumsy()
    duty = Duty([], cluster, listener, Lead())
    duty.begin()
    eventually(lambda: "listed" in listener.calls)
    for attempt in (1, 2):
        cluster.launch(a_launch(ref=AttemptRef("job", attempt)))
    assert heard.wait(40)
    duty.end()
