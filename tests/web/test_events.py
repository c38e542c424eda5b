"""The live stream: what is told to whom, and how many streams there may be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web_house import problem_of
from web_pages import submit_job

from portal.http import streams as sse


class Stream:
    """An open stream, read event by event."""

    def __init__(self, browser):
        self.answer = browser.get("/events", buffered=False)
        assert self.answer.status_code == 200, self.answer.text
        self._pieces: Iterator[bytes] = self.answer.iter_encoded()

    def next(self) -> str:
        """The next event or comment."""
        return next(self._pieces).decode()

    def close(self) -> None:
        self.answer.close()


@pytest.fixture
def streams():
    opened: list[Stream] = []

    def open_one(browser):
        opened.append(Stream(browser))
        return opened[-1]

    yield open_one
    for stream in opened:
        stream.close()


def test_a_stream_greets_and_tells_of_jobs(browse, web_house, streams):
    stream = streams(browse("alice"))
    assert stream.answer.mimetype == "text/event-stream"
    assert stream.answer.headers["X-Accel-Buffering"] == "no"
    assert stream.answer.headers["Cache-Control"] == "no-store"
    assert stream.next() == "event: hello\ndata: {}\n\n"
    job_id = submit_job(web_house.house)
    assert stream.next() == f'event: job\ndata: {{"id": "{job_id}"}}\n\n'


def test_one_hears_only_of_jobs_one_may_see(browse, web_house, streams):
    bob, vera = streams(browse("bob")), streams(browse("vera"))
    bob.next(), vera.next()
    alices = submit_job(web_house.house, "alice")
    bobs = submit_job(web_house.house, "bob")
    assert alices in vera.next()
    assert bobs in vera.next()
    assert bobs in bob.next()


def test_news_of_nodes_is_for_everyone(browse, web_house, streams):
    stream = streams(browse("alice"))
    stream.next()
    web_house.house.events.publish("nodes", "lab")
    assert stream.next() == "event: nodes\ndata: {}\n\n"


def test_when_all_places_are_taken_the_page_polls(browse, web_house, streams):
    web_house.app.extensions["aoli-streams"] = sse.StreamGate(1)
    first = streams(browse("alice"))
    first.next()
    refused = browse("bob").get("/events")
    problem_of(refused, 503)
    assert int(refused.headers["Retry-After"]) > 0
    first.close()
    streams(browse("bob")).next()


def test_a_place_is_given_back_even_when_nothing_was_read(browse, web_house):
    gate = web_house.app.extensions["aoli-streams"]
    answer = browse("alice").get("/events", buffered=False)
    assert gate.open == 1
    answer.close()
    assert gate.open == 0


def test_streams_say_good_bye_when_the_process_ends(browse, web_house, streams):
    stream = streams(browse("alice"))
    stream.next()
    sse.stop_streams(web_house.app)
    assert stream.next() == "event: bye\ndata: {}\n\n"
    with pytest.raises(StopIteration):
        stream.next()
    problem_of(browse("bob").get("/events"), 503)


def test_a_quiet_stream_is_kept_open(browse, web_house, streams, monkeypatch):
    monkeypatch.setattr(sse, "KEEP_ALIVE_S", 0.0)
    stream = streams(browse("alice"))
    stream.next()
    assert stream.next() == ": still here\n\n"


def test_a_long_stream_is_opened_anew(browse, web_house, streams, monkeypatch):
    monkeypatch.setattr(sse, "LONGEST_S", 0.0)
    stream = streams(browse("alice"))
    stream.next()
    assert stream.next() == "event: bye\ndata: {}\n\n"


@pytest.mark.parametrize("how", ["disabled", "role lost", "signed out"])
def test_whoever_may_no_more_hears_no_more(browse, web_house, streams, monkeypatch, how):
    monkeypatch.setattr(sse, "KEEP_ALIVE_S", 0.0)
    stream = streams(browse("vera"))
    stream.next()
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        vera = manager.find_user(username="vera")
        if how == "disabled":
            vera.active = False
        elif how == "role lost":
            vera.roles = []
        else:
            vera.session_epoch += 1
        manager.session.commit()
    submit_job(web_house.house)  # there is news, all the time
    assert stream.next() == "event: bye\ndata: {}\n\n"
    with pytest.raises(StopIteration):
        stream.next()


def test_a_permission_that_is_gone_narrows_the_stream(browse, web_house, streams, monkeypatch):
    stream = streams(browse("vera"))
    stream.next()
    seen = submit_job(web_house.house)
    assert seen in stream.next()
    monkeypatch.setattr(sse, "KEEP_ALIVE_S", 0.0)
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        vera = manager.find_user(username="vera")
        vera.roles = [manager.find_role("role of carol")]
        manager.session.commit()
    hidden = submit_job(web_house.house)
    assert hidden not in stream.next()


def test_one_user_never_has_all_places(browse, web_house, streams):
    gate = web_house.app.extensions["aoli-streams"]
    alices = [streams(browse("alice")) for _ in range(sse.MOST_OF_ONE)]
    problem_of(browse("alice").get("/events"), 503)
    job_id = web_house.house.run()
    followed = web_house.caller("alice").get(f"/jobs/{job_id}/logs?follow=1")
    problem_of(followed, 503)
    assert gate.open == sse.MOST_OF_ONE
    streams(browse("bob")).next()
    alices[0].close()
    streams(browse("alice")).next()


def test_a_followed_output_counts_among_the_users_streams(browse, web_house):
    job_id = web_house.house.run()
    caller = web_house.caller("alice")
    followed = [caller.get(f"/jobs/{job_id}/logs?follow=1") for _ in range(sse.MOST_OF_ONE)]
    problem_of(browse("alice").get("/events"), 503)
    assert web_house.caller("bob").get("/me").status_code == 200
    for answer in followed:
        answer.close()
    again = browse("alice").get("/events", buffered=False)
    assert again.status_code == 200
    again.close()
