"""How guessing is slowed down: tries at once, from many addresses, and while Redis is away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.web.sign_in import throttle as module
from portal.web.sign_in.throttle import Throttle


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


def test_right_passwords_do_not_count():
    throttle = Throttle(per_address=6, everywhere=6)
    for _ in range(20):
        assert throttle.wait_s("alice", "10.0.0.1") == 0
        throttle.succeeded("alice", "10.0.0.1")
    assert allowed(throttle, "bob", "10.0.0.1", 9) == 5


def test_what_is_refused_is_not_counted():
    throttle = Throttle()
    assert allowed(throttle, "alice", "10.0.0.1", 110) == 5
    assert throttle.wait_s("alice", "192.0.2.1") == 0
    assert throttle.wait_s("bob", "10.0.0.1") == 0
    assert allowed(throttle, "bob", "10.0.0.1", 9) == 5


def test_many_at_once_that_are_refused_are_not_counted():
    """Also where all were asked before the first one was counted."""
    throttle = Throttle(per_account=100, per_address=8, everywhere=50)
    start = threading.Barrier(64)

    def guess(_: int) -> int:
        start.wait()
        return throttle.take("alice", "10.0.0.1")

    with ThreadPoolExecutor(64) as pool:
        assert sum(wait == 0 for wait in pool.map(guess, range(64))) == 8
    assert sum(allowed(throttle, "alice", f"192.0.2.{n}", 8) for n in range(9)) == 50 - 8


def test_an_address_of_its_own_is_not_locked_out_by_others():
    throttle = Throttle(everywhere=20)
    throttle.succeeded("alice", "192.0.2.1")
    assert sum(allowed(throttle, "alice", f"10.0.0.{n}", 5) for n in range(9)) == 20
    assert throttle.wait_s("alice", "192.0.2.2") > 0
    assert throttle.wait_s("Alice", "192.0.2.1") == 0
    assert allowed(throttle, "alice", "192.0.2.1", 9) == 5


def test_half_an_address_of_the_new_kind_is_one_address():
    throttle = Throttle()
    network = [f"2001:db8::{n}" for n in range(1, 10)]
    assert sum(allowed(throttle, "alice", address, 1) for address in network) == 5
    assert throttle.wait_s("alice", "2001:db8:0:1::1") == 0
    assert allowed(throttle, "bob", "::ffff:10.0.0.1", 5) == 5
    assert throttle.wait_s("bob", "10.0.0.1") > 0
    assert throttle.wait_s("bob", "10.0.0.2") == 0


def test_the_pause_is_as_long_as_it_says(monkeypatch):
    throttle = Throttle()
    moment = time.time()
    monkeypatch.setattr("time.time", lambda: moment)
    assert allowed(throttle, "alice", "10.0.0.1", 6) == 5
    moment += 100
    assert allowed(throttle, "alice", "10.0.0.1", 50) == 0
    assert throttle.wait_s("alice", "10.0.0.1") == 200
    moment += 201
    assert allowed(throttle, "alice", "10.0.0.1", 6) == 5


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
        crowd = [f"192.0.2.{n}" for n in range(30)]
        assert sum(allowed(one, "alice", address, 5) for address in crowd) == 100 - 5
        assert other.wait_s("alice", "192.0.2.99") > 0
        assert other.wait_s("alice", "10.0.0.1") == 0
