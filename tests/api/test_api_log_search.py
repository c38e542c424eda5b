"""Search, parts and bounds of a job's output over the API."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta

import pytest
from test_api_logs import Stream, lost_once
from web_house import Caller, WebHouse, problem_of

from portal.services.logs import searching
from portal.services.logs import streams as log_streams


def test_search_goes_over_everything_that_is_kept(web_house: WebHouse, alice: Caller) -> None:
    house = web_house.house
    job_id = lost_once(house)
    house.write_log(job_id, "seed 1", *(f"step {n}" for n in range(3000)), attempt=1)
    house.write_log(job_id, "begun", "\x1b[1mSeed\x1b[0m 2", attempt=2)
    house.write_log(job_id, "seed 3", replica="extra-1", attempt=2)
    found = alice.get(f"/jobs/{job_id}/logs?q=SEED").get_json()
    at = found["items"][0]["at"]
    assert found == {
        "items": [
            {"line": 1, "at": at, "pod": "main", "attempt": 1, "text": "seed 1"},
            {"line": 1, "at": at, "pod": "extra-1", "attempt": 2, "text": "seed 3"},
            {"line": 2, "at": at, "pod": "main", "attempt": 2, "text": "Seed 2"},
        ],
        "total": 3,
        "complete": True,
        "next_cursor": None,
    }
    for narrower, total in (("attempt=1", 1), ("attempt=2", 2), ("pod=main", 2), ("pod=*", 3)):
        assert alice.get(f"/jobs/{job_id}/logs?q=seed&{narrower}").get_json()["total"] == total
    page = alice.get(f"/jobs/{job_id}/logs?q=step&limit=200&cursor=2900").get_json()
    assert (page["total"], len(page["items"]), page["next_cursor"]) == (3000, 100, None)
    assert page["items"][0]["text"] == "step 2900"
    first = alice.get(f"/jobs/{job_id}/logs?q=step").get_json()
    assert (len(first["items"]), first["next_cursor"]) == (20, "20")
    for wrong in ("attempt=7", "pod=other"):
        problem_of(alice.get(f"/jobs/{job_id}/logs?q=seed&{wrong}"), 404)
    for wrong in ("q=a%0Ab", f"q={'x' * 201}", "q=a&limit=201", "q=a&cursor=x"):
        problem_of(alice.get(f"/jobs/{job_id}/logs?{wrong}"), 422)


def test_nothing_is_found_before_anything_has_begun(web_house: WebHouse, alice: Caller) -> None:
    job_id = web_house.house.submit()
    found = alice.get(f"/jobs/{job_id}/logs?q=a").get_json()
    assert (found["items"], found["total"], found["complete"]) == ([], 0, True)


def test_a_search_says_that_its_time_was_up(
    web_house: WebHouse, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = web_house.house.run()
    web_house.house.write_log(job_id, "seed")
    monkeypatch.setattr(searching, "TIME_S", -1.0)
    found = alice.get(f"/jobs/{job_id}/logs?q=seed").get_json()
    assert (found["total"], found["complete"]) == (0, False)


def test_lines_from_a_number_and_from_a_time(web_house: WebHouse, alice: Caller) -> None:
    house = web_house.house
    job_id = house.run()
    begun = house.now
    for n in range(1, 11):
        house.advance(1)
        house.write_log(job_id, f"line {n}")
    path = f"/jobs/{job_id}/logs"
    assert alice.get(f"{path}?from_line=1&tail=2").text == "line 1\nline 2\n"
    assert alice.get(f"{path}?from_line=9").text == "line 9\nline 10\n"
    assert alice.get(f"{path}?from_line=11").text == ""
    since = (begun + timedelta(seconds=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert alice.get(f"{path}?since={since}&tail=1").text == "line 7\n"
    for wrong in (f"from_line=1&since={since}", "from_line=0", "since=noon"):
        problem_of(alice.get(f"{path}?{wrong}"), 422)


def test_all_replicas_by_time_and_plain(web_house: WebHouse, alice: Caller) -> None:
    house = web_house.house
    job_id = house.run(kind="distributed", nodes=2)
    first, second = (pod["name"] for pod in alice.get(f"/jobs/{job_id}").get_json()["replicas"])
    house.write_log(job_id, "\x1b[1mone\x1b[0m", replica=first)
    house.advance(1)
    house.write_log(job_id, "two", replica=second)
    house.advance(1)
    house.write_log(job_id, "three", replica=first)
    path = f"/jobs/{job_id}/logs?pod=*"
    assert alice.get(path).text == "\x1b[1mone\x1b[0m\ntwo\nthree\n"
    assert alice.get(f"{path}&plain=1&timestamps=1").text == "one\ntwo\nthree\n"
    whole = alice.get(f"{path}&download=1&plain=1")
    assert whole.text == f"{first} one\n{second} two\n{first} three\n"
    assert whole.headers["Content-Disposition"] == f'attachment; filename="{job_id}-1-all.log"'
    for wrong in ("follow=1", "from_line=1"):
        problem_of(alice.get(f"{path}&{wrong}"), 422)


def test_an_answer_is_at_most_8_mib(web_house: WebHouse, alice: Caller) -> None:
    """The oldest lines are left out first."""
    job_id = web_house.house.run()
    line = "x" * 16_000
    web_house.house.write_log(job_id, *(f"{n} {line}" for n in range(2000)))
    alice.get(f"/jobs/{job_id}/logs?tail=1")
    tracemalloc.start()
    answer = alice.get(f"/jobs/{job_id}/logs?tail=100000")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 8_000_000 < len(answer.data) <= 8 * 1024 * 1024
    assert answer.text.splitlines()[-1].startswith("1999 ")
    assert peak < 60_000_000
    from_start = alice.get(f"/jobs/{job_id}/logs?from_line=1&tail=100000")
    assert len(from_start.data) <= 8 * 1024 * 1024
    assert from_start.text.startswith("0 ")


def test_a_stream_tells_what_a_bar_shows(
    web_house: WebHouse, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_streams, "POLL_S", 0.005)
    monkeypatch.setattr(log_streams, "LOOK_S", 0.01)
    house = web_house.house
    job_id = house.run()
    house.write_log(job_id, "begun")
    stream = Stream(alice.get(f"/jobs/{job_id}/logs?follow=1"))
    assert (stream.next() or {})["data"] == "begun"
    path = house.portal.logs.path(house.ref(job_id), "main")
    size = path.stat().st_size
    path.with_suffix(".live").write_text(f"{size} 2026-11-02T12:00:00Z 43%")
    assert stream.next() == {"event": "redraw", "data": '{"text": "43%"}'}
    house.write_log(job_id, "100%")
    grown = stream.next()
    assert grown is not None
    assert (grown.get("event"), grown["data"]) == (None, "100%")
    house.end(job_id)
    assert (stream.next() or {})["event"] == "end"
    stream.close()
