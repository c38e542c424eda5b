"""A job's output over the API: its tail, the whole of it, and the live stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from queue import Empty, Queue
from typing import Any

import pytest
from house import House
from web_house import Caller, WebHouse, problem_of
from werkzeug.test import TestResponse

from portal.api import job_logs
from portal.services.logs import streams as log_streams
from portal.testing import eventually

DEADLINE_S = 20


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_streams, "POLL_S", 0.005)
    monkeypatch.setattr(log_streams, "LOOK_S", 0.01)


def test_nothing_has_begun(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.submit()
    answer = alice.get(f"/jobs/{job_id}/logs")
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert alice.get(f"/jobs/{job_id}/logs?download=1").data == b""


def test_tail(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.run()
    web_house.house.write_log(job_id, *(f"line {n}" for n in range(3000)))
    lines = alice.get(f"/jobs/{job_id}/logs").text.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (2000, "line 1000", "line 2999")
    assert alice.get(f"/jobs/{job_id}/logs?tail=2").text == "line 2998\nline 2999\n"
    assert alice.get(f"/jobs/{job_id}/logs?tail=0").text == ""
    stamped = alice.get(f"/jobs/{job_id}/logs?tail=1&timestamps=1").text
    assert stamped == "2026-11-02T12:00:00.000000Z line 2999\n"


def test_what_a_program_prints_comes_as_it_is(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.run()
    web_house.house.write_log(job_id, "<b>中文</b>", "", "  two  spaces ", "10%\r20%")
    expected = "<b>中文</b>\n\n  two  spaces \n20%\n"
    answer = alice.get(f"/jobs/{job_id}/logs")
    assert answer.data.decode() == expected
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_download(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.run()
    words = [f"line {n} {'x' * 100}" for n in range(2500)]
    web_house.house.write_log(job_id, *words)
    answer = alice.get(f"/jobs/{job_id}/logs?download=1")
    assert answer.text.splitlines() == words
    disposition = answer.headers["Content-Disposition"]
    assert disposition == f'attachment; filename="{job_id}-1-main.log"'


def test_pods_and_attempts(web_house: WebHouse, alice: Caller) -> None:
    house = web_house.house
    job_id = house.run(kind="distributed", nodes=2)
    names = [replica["name"] for replica in alice.get(f"/jobs/{job_id}").get_json()["replicas"]]
    assert len(names) == 2
    for name in names:
        house.write_log(job_id, f"I am {name}", replica=name)
    assert alice.get(f"/jobs/{job_id}/logs").text == f"I am {names[0]}\n"
    assert alice.get(f"/jobs/{job_id}/logs?pod={names[1]}").text == f"I am {names[1]}\n"
    for wrong in ("pod=other", "pod=../secret", "pod=.", "attempt=2", "pod=%2e%2e%2fx"):
        problem_of(alice.get(f"/jobs/{job_id}/logs?{wrong}"), 404)
    for wrong in ("attempt=0", "attempt=x", "tail=-1", "tail=100001", "follow=maybe", "lines=5"):
        problem_of(alice.get(f"/jobs/{job_id}/logs?{wrong}"), 422)


def test_earlier_attempts_are_kept(web_house: WebHouse, alice: Caller) -> None:
    house = web_house.house
    job_id = lost_once(house)
    house.write_log(job_id, "first", attempt=1)
    house.write_log(job_id, "second", attempt=2)
    assert alice.get(f"/jobs/{job_id}/logs").text == "second\n"
    assert alice.get(f"/jobs/{job_id}/logs?attempt=1").text == "first\n"


def lost_once(house: House) -> str:
    """A job that runs for the second time."""
    job_id = house.run()
    house.cluster.vanish(house.ref(job_id))
    house.advance(30)
    house.look()
    house.advance(30)
    house.queue.enqueue("admit")
    house.look()
    house.cluster.run(house.ref(job_id))
    house.look()
    assert (house.state(job_id), house.job(job_id).attempt) == ("running", 2)
    return job_id


class Stream:
    """Reads a stream in a thread of its own, as a browser does; events by :meth:`next`."""

    def __init__(self, answer: TestResponse) -> None:
        assert answer.status_code == 200
        assert answer.mimetype == "text/event-stream"
        self.answer = answer
        self._events: Queue[dict[str, Any] | None] = Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for event in events_of(block.decode() for block in self.answer.iter_encoded()):
            self._events.put(event)
        self._events.put(None)

    def next(self) -> dict[str, Any] | None:
        """The next event, ``None`` at the end; comments are left out."""
        return self._events.get(timeout=DEADLINE_S)

    def none_waits(self) -> bool:
        """Whether nothing has come that was not taken."""
        try:
            self._events.get_nowait()
        except Empty:
            return True
        return False

    def close(self) -> None:
        """As when the browser goes away."""
        self._thread.join(DEADLINE_S)
        self.answer.close()


def events_of(blocks: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream, by the rules of the standard."""
    rest = ""
    for block in blocks:
        *whole, rest = (rest + block).split("\n\n")
        for text in whole:
            event: dict[str, Any] = {}
            for line in text.replace("\r", "\n").split("\n"):
                name, _, value = line.partition(": ")
                if name and name != "retry":
                    event[name] = f"{event[name]}\n{value}" if name in event else value
            if event:
                yield event
    assert rest == ""


def test_a_stream_grows_and_ends_with_the_job(web_house: WebHouse, alice: Caller) -> None:
    house = web_house.house
    job_id = house.run()
    house.write_log(job_id, "old", "new")
    stream = Stream(alice.get(f"/jobs/{job_id}/logs?follow=1&tail=1"))
    first = stream.next()
    assert first is not None
    assert first["data"] == "new"
    house.write_log(job_id, "10%\r20%", "done")
    progress, done = stream.next(), stream.next()
    assert progress is not None
    assert done is not None
    assert (progress["data"], done["data"]) == ("20%", "done")
    house.end(job_id, exit_code=3)
    end = stream.next()
    assert end == {"event": "end", "data": '{"status": "failed", "exit_code": 3}'}
    assert stream.next() is None
    stream.close()


def test_a_stream_of_an_ended_job_is_whole(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.run()
    web_house.house.write_log(job_id, "one", "two")
    web_house.house.end(job_id)
    answer = alice.get(f"/jobs/{job_id}/logs?follow=1")
    told = list(events_of(iter([answer.text])))
    assert [event["data"] for event in told[:2]] == ["one", "two"]
    assert told[2]["event"] == "end"


def test_a_stream_goes_on_where_it_broke_off(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.run()
    web_house.house.write_log(job_id, "one", "two", "three")
    web_house.house.end(job_id)
    path = f"/jobs/{job_id}/logs?follow=1&tail=0"
    whole = list(events_of(iter([alice.get(f"{path[:-1]}9").text])))
    for number, event in enumerate(whole[:-1]):
        rest = alice.get(path, headers={"Last-Event-ID": event["id"]}).text
        assert list(events_of(iter([rest]))) == whole[number + 1 :]
    for odd in ("1-99999999", "99-0", "nonsense", "-1--1"):
        rest = alice.get(path, headers={"Last-Event-ID": odd}).text
        assert [event.get("event") for event in events_of(iter([rest]))] == ["end"]


def test_a_stream_waits_for_the_start_and_follows_to_the_next(
    web_house: WebHouse, alice: Caller
) -> None:
    house = web_house.house
    job_id = house.submit()
    stream = Stream(alice.get(f"/jobs/{job_id}/logs?follow=1"))
    house.work()
    assert stream.next() == {"event": "attempt", "data": "1"}
    house.cluster.run(house.ref(job_id))
    house.look()
    house.write_log(job_id, "first")
    assert (stream.next() or {})["data"] == "first"
    house.write_log(job_id, "last words")
    house.cluster.vanish(house.ref(job_id))
    house.advance(30)
    house.look()
    house.advance(30)
    house.queue.enqueue("admit")
    house.look()
    assert (stream.next() or {})["data"] == "last words"
    assert stream.next() == {"event": "attempt", "data": "2"}
    house.write_log(job_id, "second", attempt=2)
    assert (stream.next() or {})["data"] == "second"
    with_end = alice.get(f"/jobs/{job_id}/logs?follow=1&attempt=1").text
    kinds = [event.get("event") for event in events_of(iter([with_end]))]
    assert kinds == [None, None, "end"]
    alice.post(f"/jobs/{job_id}/kill")
    house.look()
    assert (stream.next() or {})["event"] == "end"
    stream.close()


def test_places_of_streams_are_limited_and_given_back(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.run()
    gate = web_house.app.extensions["aoli-streams"]
    taken = 0
    while gate.enter():
        taken += 1
    refused = alice.get(f"/jobs/{job_id}/logs?follow=1")
    problem_of(refused, 503)
    assert int(refused.headers["Retry-After"]) > 0
    gate.leave()
    answer = alice.get(f"/jobs/{job_id}/logs?follow=1")
    assert answer.status_code == 200
    answer.close()
    assert gate.enter()
    for _ in range(taken):
        gate.leave()


def test_streams_end_when_the_process_does(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.run()
    stream = Stream(alice.get(f"/jobs/{job_id}/logs?follow=1"))
    web_house.app.extensions["aoli-streams"].stop.set()
    assert stream.next() is None
    stream.close()


@pytest.mark.parametrize("chatty", [False, True])
@pytest.mark.parametrize("how", ["disabled", "role lost", "password changed"])
def test_a_stream_ends_when_it_is_no_longer_allowed(
    web_house: WebHouse, monkeypatch: pytest.MonkeyPatch, how: str, chatty: bool
) -> None:
    from flask_appbuilder.security.sqla.models import User

    monkeypatch.setattr(job_logs, "KEEP_ALIVE_S", 0.0)
    job_id = web_house.house.run("alice")
    stream = Stream(web_house.caller("vera").get(f"/jobs/{job_id}/logs?follow=1"))
    with web_house.app.app_context():
        session = web_house.app.appbuilder.session
        vera = session.query(User).filter_by(username="vera").one()
        if how == "disabled":
            vera.active = False
        elif how == "role lost":
            vera.roles = []
        else:
            vera.password_changed_on = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=5)
        session.commit()
    if chatty:
        web_house.house.write_log(job_id, "loss 0.1")
    assert stream.next() is None
    stream.close()


def test_a_stream_ends_with_the_key_that_opened_it(
    web_house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_logs, "KEEP_ALIVE_S", 0.0)
    alice = web_house.caller("alice")
    made = alice.post("/me/api-keys", {"name": "ci"}).get_json()
    by_key = web_house.caller(None)
    by_key.token = made["key"]
    job_id = web_house.house.run("alice")
    stream = Stream(by_key.get(f"/jobs/{job_id}/logs?follow=1"))
    alice.send("DELETE", f"/me/api-keys/{made['id']}")
    web_house.house.write_log(job_id, "loss 0.1")
    assert stream.next() is None
    stream.close()


def test_a_quiet_stream_holds_no_database_connection(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.run()
    stream = Stream(alice.get(f"/jobs/{job_id}/logs?follow=1"))
    pool = web_house.app.extensions["sqlalchemy"]
    with web_house.app.app_context():
        eventually(lambda: pool.engine.pool.checkedout() == 0, DEADLINE_S)
    web_house.app.extensions["aoli-streams"].stop.set()
    assert stream.next() is None
    stream.close()
