"""How guessing is slowed down: tries at once, from many addresses, and while Redis is away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.web.security import throttle as module
from portal.web.security.throttle import Throttle


def allowed(throttle: Throttle, account: str, address: str, tries: int) -> int:
    return sum(throttle.take(account, address) == 0 for _ in range(tries))


def test_five_tries_then_a_pause():
    throttle = Throttle()
    assert allowed(throttle, "alice", "10.0.0.1", 9) == 5
    assert 0 < throttle.wait_s("alice", "10.0.0.1") <= 300
    assert throttle.wait_s("alice", "10.0.0.2") == 0
    assert throttle.wait_s("bob", "10.0.0.1") == 0


def test_capitals_and_blanks_make_no_other_account():
    throttle = Throttle()
    assert sum(allowed(throttle, name, "a", 2) for name in ("alice", "ALICE", " Alice ")) == 5


def test_many_at_once_are_not_more():
    throttle = Throttle()
    start = threading.Barrier(16)

    def guess(_: int) -> int:
        start.wait()
        return throttle.take("alice", "10.0.0.1")

    with ThreadPoolExecutor(16) as pool:
        assert sum(wait == 0 for wait in pool.map(guess, range(16))) == 5


def test_an_address_has_a_limit_of_its_own():
    throttle = Throttle()
    assert sum(allowed(throttle, f"user-{n}", "10.0.0.1", 1) for n in range(60)) == 50
    assert throttle.wait_s("somebody", "10.0.0.1") > 0


def test_an_account_has_one_from_everywhere():
    throttle = Throttle(everywhere=20)
    assert sum(allowed(throttle, "alice", f"10.0.0.{n}", 5) for n in range(9)) == 20
    assert throttle.wait_s("alice", "192.0.2.1") > 0
    assert throttle.wait_s("bob", "192.0.2.1") == 0


def test_the_right_password_gives_the_try_back():
    throttle = Throttle(per_address=6, everywhere=6)
    for _ in range(20):
        assert throttle.take("alice", "10.0.0.1") == 0
        throttle.succeeded("alice", "10.0.0.1")
    assert allowed(throttle, "bob", "10.0.0.1", 9) == 5


def test_without_redis_each_process_counts_for_itself(caplog):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        throttle = Throttle(f"redis://127.0.0.1:{unused.getsockname()[1]}/0")
        assert allowed(throttle, "alice", "10.0.0.1", 9) == 5
    assert "counted in this process only" in caplog.text


@pytest.fixture
def silent_redis() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


def test_a_redis_that_hangs_holds_nobody_up_for_long(silent_redis, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    throttle = Throttle(silent_redis)
    begun = time.monotonic()
    assert allowed(throttle, "alice", "10.0.0.1", 9) == 5
    throttle.succeeded("alice", "10.0.0.1")
    assert throttle.wait_s("alice", "10.0.0.1") == 0
    assert throttle._away_until > begun  # nobody asked it a second time


def test_the_counts_are_shared_through_redis(tmp_path):
    from portal.adapters.embedded_valkey import EmbeddedValkey

    with EmbeddedValkey(tmp_path) as valkey:
        one, other = Throttle(valkey.url), Throttle(valkey.url)
        assert allowed(one, "alice", "10.0.0.1", 3) + allowed(other, "alice", "10.0.0.1", 6) == 5
        other.succeeded("alice", "10.0.0.1")
        assert one.wait_s("alice", "10.0.0.1") == 0
