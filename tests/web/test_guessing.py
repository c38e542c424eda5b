"""Guessing at the doors: who guesses is slowed down, and nobody else (A6)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from house import PASSWORD
from web_house import LOGIN, problem_of

HOSTILE, HOME = "203.0.113.9", "192.0.2.1"


@pytest.fixture
def log_in(web_house):
    """``log_in("alice", "…", HOME)``: the answer of the API's log-in."""

    def ask(name: str, password: str = PASSWORD, address: str = HOME) -> Any:
        client = web_house.app.test_client()
        body = {"username": name, "password": password}
        return client.post(LOGIN, json=body, environ_base={"REMOTE_ADDR": address})

    return ask


@pytest.fixture
def mail_of_alice(web_house) -> str:
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        alice = manager.find_user(username="alice")
        alice.email = "Alice.Li@example.org"
        manager.session.commit()
    return "Alice.Li@example.org"


def test_a_hundred_from_one_address_lock_nobody_else_out(log_in):
    codes = [log_in("alice", "wrong", HOSTILE).status_code for _ in range(110)]
    assert codes == [401] * 5 + [429] * 105
    assert log_in("alice").status_code == 200
    assert log_in("bob", address=HOSTILE).status_code == 200


def test_name_and_address_of_an_account_count_as_one(log_in, mail_of_alice):
    names = ["alice", mail_of_alice, "ALICE", mail_of_alice.upper(), " alice "]
    for name in names:
        problem_of(log_in(name, "wrong", HOSTILE), 401)
    for name in names:
        answer = log_in(name, address=HOSTILE)
        problem_of(answer, 429)
        wait = answer.headers["Retry-After"]
        assert 0 < int(wait) <= 300
        assert answer.json["detail"].endswith(f"Try again in {wait} s.")


def test_names_in_any_case_sign_in(log_in, mail_of_alice):
    for name in ("alice", "Alice", "ALICE", mail_of_alice.lower(), mail_of_alice.upper()):
        assert log_in(name).status_code == 200


def test_of_two_that_differ_in_case_each_has_its_exact_name(web_house, log_in):
    """An older version could have left them."""
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        manager.find_user(username="bob").username = "ALICE"
        manager.session.commit()
        ids = {name: manager.account_named(name).id for name in ("alice", "ALICE")}
        assert len(set(ids.values())) == 2
        assert manager.account_named("Alice") is None
    assert log_in("ALICE").status_code == 200
    problem_of(log_in("Alice"), 401)


@pytest.mark.parametrize("number", [8, 40])
def test_right_passwords_at_once_are_all_let_in(log_in, number):
    start = threading.Barrier(number)

    def enter(_: int) -> int:
        start.wait()
        return int(log_in("alice").status_code)

    with ThreadPoolExecutor(number) as pool:
        assert list(pool.map(enter, range(number))) == [200] * number


def test_a_right_one_behind_too_many_wrong_ones_at_once_is_refused(web_house, log_in, monkeypatch):
    """All were under way before the first was counted: guessing at once gains nothing."""
    manager = web_house.app.appbuilder.sm
    start, turn = threading.Barrier(13), threading.Event()
    real = manager.opens

    def opens(user: Any, password: str) -> bool:
        right = real(user, password)
        start.wait()
        if right:
            turn.wait(60)
        return right

    monkeypatch.setattr(manager, "opens", opens)
    with ThreadPoolExecutor(13) as pool:
        last = pool.submit(log_in, "alice", PASSWORD, HOSTILE)
        wrong = [pool.submit(log_in, "alice", "wrong", HOSTILE) for _ in range(12)]
        codes = sorted(one.result().status_code for one in wrong)
        turn.set()
        assert codes == [401] * 5 + [429] * 7
        assert last.result().status_code == 429
    with web_house.app.app_context():
        assert not manager.find_user(username="alice").login_count


def test_the_owner_is_let_in_while_many_addresses_guess(log_in):
    assert log_in("alice").status_code == 200
    for number in range(21):
        for _ in range(5):
            log_in("alice", "wrong", f"203.0.113.{number}")
    problem_of(log_in("alice", address="198.51.100.7"), 429)
    assert log_in("alice").status_code == 200


def test_one_who_signs_up_in_vain_locks_no_name(browse, web_house):
    """The name is not kept from others by whoever tries it again and again."""
    new = {"username": "somebody-new", "nickname": "New", "password": "x", "password_again": "x"}
    token_of = browse()
    for number in range(25):
        for _ in range(5):
            token_of.client.post(
                "/sign-up/",
                data={**new, "csrf_token": token_of.csrf()},
                environ_base={"REMOTE_ADDR": f"203.0.113.{number}"},
            )
    right = {**new, "password": "a long password", "password_again": "a long password"}
    answer = token_of.client.post(
        "/sign-up/",
        data={**right, "csrf_token": token_of.csrf()},
        environ_base={"REMOTE_ADDR": HOME},
    )
    assert answer.status_code == 303
