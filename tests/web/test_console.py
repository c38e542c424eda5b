"""What the console's script asks for: parts of the output, hits, attempts, ranks, downloads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from house import GPU, NPU
from web_pages import run_job

PAIR = {"kind": "distributed", "device_type": NPU, "devices": 4, "nodes": 2}


def lost_once(house, job_id):
    """The job's first attempt is over, its second runs."""
    house.cluster.vanish(house.ref(job_id))
    house.advance(30)
    house.look()
    house.advance(30)
    house.queue.enqueue("admit")
    house.look()
    house.cluster.run(house.ref(job_id))
    house.look()
    assert (house.state(job_id), house.job(job_id).attempt) == ("running", 2)


@pytest.fixture
def get(at_alices):
    """``get(job_id, what)``: an answer's JSON."""

    def read(job_id, what):
        answer = at_alices.fragment(f"/jobs/{job_id}/{what}")
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    return read


def texts(found):
    return [line[1] for line in found["lines"]]


def test_page_and_api_read_alike(at_alices, web_house, get):
    """The same replicas, the same lines, whoever wrote them."""
    job_id = run_job(web_house.house)
    web_house.house.write_log(job_id, "dos\r", "10%\r20%\r  ", "<b>\x1b[1m中文\x1b[0m</b>")
    web_house.house.write_log(job_id, "of one that the cluster never told of", replica="extra-1")
    alice = web_house.caller("alice")
    for pod in ("main", "extra-1"):
        by_page = texts(get(job_id, f"lines?pod={pod}"))
        assert by_page == alice.get(f"/jobs/{job_id}/logs?pod={pod}").text.splitlines()
        downloaded = at_alices.get(f"/jobs/{job_id}/log?pod={pod}&plain=1").text
        assert downloaded == alice.get(f"/jobs/{job_id}/logs?pod={pod}&plain=1").text
    assert texts(get(job_id, "lines?pod=main")) == ["dos", "20%", "<b>\x1b[1m中文\x1b[0m</b>"]
    assert downloaded == "of one that the cluster never told of\n"
    assert 'value="extra-1"' in at_alices.page(f"/jobs/{job_id}/console")


def test_a_line_that_is_drawn_is_shown_until_it_has_an_end(at_alices, web_house, get):
    house = web_house.house
    job_id = run_job(house)
    house.write_log(job_id, "begun")
    path = house.portal.logs.path(house.ref(job_id), "main")
    size = path.stat().st_size
    path.with_suffix(".live").write_text(f"{size} 2026-11-02T12:00:00Z \x1b[32m 43%\x1b[0m")
    found = get(job_id, "lines")
    assert texts(found) == ["begun"]
    assert found["live"] == [["2026-11-02T12:00:00Z", "\x1b[32m 43%\x1b[0m", 0, 0, None]]
    assert get(job_id, f"lines?after={found['offset']}")["live"] == found["live"]
    tail = web_house.caller("alice").get(f"/jobs/{job_id}/logs?tail=1&plain=1").text
    assert tail == " 43%\n"
    assert "43%" in at_alices.page(f"/jobs/{job_id}/console").split("<noscript>")[1]
    house.write_log(job_id, "100%")
    grown = get(job_id, f"lines?after={found['offset']}")
    assert (texts(grown), grown["live"]) == (["100%"], [])


def test_why_it_failed_shows_the_error_and_not_the_bar(at_alices, web_house):
    house = web_house.house
    job_id = run_job(house)
    bar = "\r".join(f"{n}/2000" for n in range(2000))
    house.write_log(job_id, f"{bar}\r", "\x1b[31mValueError: no\x1b[0m")
    house.end(job_id, exit_code=1)
    page = at_alices.page(f"/jobs/{job_id}")
    assert "1999/2000\nValueError: no" in page
    assert "1998/2000" not in page


def test_a_part_in_the_middle(web_house, get):
    job_id = run_job(web_house.house)
    web_house.house.write_log(job_id, *(f"line {n}" for n in range(1, 5001)))
    found = get(job_id, "lines?at=2,500")
    assert texts(found)[found["target"]] == "line 2500"
    assert (found["first"], len(found["lines"]), found["more"]) == (2300, 2000, True)
    assert texts(get(job_id, f"lines?after={found['offset']}"))[0] == "line 4300"
    assert texts(get(job_id, f"lines?before={found['begin']}"))[-1] == "line 2299"
    first = get(job_id, "lines?at=first")
    assert (texts(first)[0], first["first"], first["target"]) == ("line 1", 1, 0)
    end = get(job_id, "lines?at=99999")
    assert (texts(end)[-1], end["more"]) == ("line 5000", False)
    for void in ("noon", "25:00", "14:99", "2026-13-01 10:00", "1e5", "-1"):
        assert get(job_id, f"lines?at={void}") == {"unknown": "place"}


def test_times_are_of_the_readers_clock(at_alices, web_house, get):
    house = web_house.house
    job_id = run_job(house)
    begun = house.now
    for hour in range(30):
        house.write_log(job_id, f"hour {hour}")
        house.advance(3600)
    at_alices.client.set_cookie("zone_choice", "Asia%2FShanghai")
    local = begun + timedelta(hours=8)
    # A time without a date is the last one that the output has.
    for hour, form, wanted in (
        (3, "%Y-%m-%d %H:%M", 3),
        (28, "%H:%M", 28),
        (29, "%H:%M:%S", 29),
        (4, "%H:%M", 28),
        (6, "%H:%M", 6),
    ):
        found = get(job_id, f"lines?at={local + timedelta(hours=hour):{form}}")
        assert texts(found)[found["target"]] == f"hour {wanted}"


def test_hits_and_what_is_around_them(web_house, get):
    job_id = run_job(web_house.house)
    web_house.house.write_log(job_id, *(f"step {n}" for n in range(3000)), "Fehler", "end")
    found = get(job_id, "find?q=FEHLER")
    assert (found["total"], found["first"], found["complete"]) == (1, 0, True)
    ((file, offset),) = found["hits"]
    around = get(job_id, f"lines?at=hit:{file}:{offset}")
    assert texts(around)[around["target"]] == "Fehler"
    steps = get(job_id, "find?q=step")
    assert (steps["total"], steps["first"], len(steps["hits"])) == (3000, 2000, 1000)
    assert get(job_id, "find?q=step&skip=0")["hits"][0] == [0, 0]
    assert get(job_id, "find?q=nowhere")["hits"] == []


def test_earlier_attempts_can_be_read_and_say_what_ended_them(at_alices, web_house, get):
    house = web_house.house
    job_id = run_job(house)
    house.write_log(job_id, "first")
    before = get(job_id, "lines")
    lost_once(house, job_id)
    house.write_log(job_id, "second", attempt=2)
    again = get(job_id, f"lines?after={before['offset']}")
    assert (texts(again), again["restart"], again["attempt"]) == (["second"], True, 2)
    assert (again["ended"], again["end"]) == (False, "")
    old = get(job_id, "lines?attempt=1")
    assert (texts(old), old["ended"], old["running"]) == (["first"], True, False)
    assert old["end"].startswith("Attempt 1: Requeued, ")
    assert "was lost" in old["end"]
    page = at_alices.page(f"/jobs/{job_id}/console?attempt=1")
    assert 'data-newest="2"' in page
    assert "first" in page.split("<noscript>")[1]
    download = at_alices.get(f"/jobs/{job_id}/log?attempt=1")
    assert download.text.endswith(" first\n")
    assert "-1-main.log" in download.headers["Content-Disposition"]
    assert get(job_id, "find?q=first")["total"] == 0
    assert get(job_id, "find?q=first&attempt=1")["total"] == 1
    for wrong in ("3", "x", "-1"):
        assert at_alices.fragment(f"/jobs/{job_id}/lines?attempt={wrong}").status_code == 404


def test_all_ranks_together_with_the_failed_one_marked(at_alices, web_house, get):
    house = web_house.house
    job_id = run_job(house, **PAIR)
    for number, text in ((0, "a"), (1, "b"), (0, "c"), (1, "ValueError")):
        house.advance(1)
        house.write_log(job_id, text, replica=f"worker-{number}")
    found = get(job_id, "lines?pod=*")
    assert [(line[1], line[3], line[4]) for line in found["lines"]] == [
        ("a", 0, 1), ("b", 1, 1), ("c", 0, 2), ("ValueError", 1, 2),
    ]  # fmt: skip
    house.advance(1)
    house.write_log(job_id, "later", replica="worker-0")
    assert texts(get(job_id, f"lines?pod=*&after={found['offset']}")) == ["later"]
    hit = get(job_id, "find?pod=*&q=c")["hits"][0]
    assert get(job_id, "lines?pod=*&at=2") == {"unknown": "line"}
    around = get(job_id, f"lines?pod=*&at=hit:{hit[0]}:{hit[1]}")
    assert texts(around) == ["a", "b", "c", "ValueError", "later"]
    house.cluster.finish(house.ref(job_id), "worker-1", exit_code=1)
    house.look()
    page = at_alices.page(f"/jobs/{job_id}/console?pod=*")
    assert 'value="*" selected' in page
    marked = page.split('data-failed="1"')
    assert len(marked) == 2
    assert marked[0].rpartition('value="')[2].startswith("worker-1")
    text = at_alices.get(f"/jobs/{job_id}/log?pod=*&plain=1").text
    assert text == "rank0 a\nrank1 b\nrank0 c\nrank1 ValueError\nrank0 later\n"


def test_who_may_not_see_a_job_hears_nothing_of_the_one_it_gave_way_to(web_house, browse):
    """What ended an attempt names another job only to those who may see it."""
    house = web_house.house
    mine = house.run("alice", device_type=GPU, devices=4, preemptible=True)
    house.submit("bob", name="secret_project", device_type=GPU, devices=4)
    house.work()
    house.look()
    house.work()
    assert house.state(mine) == "queued"
    for name, sees in (("vera", True), ("alice", False)):
        answer = browse(name).fragment(f"/jobs/{mine}/lines?attempt=1")
        assert ("secret_project" in answer.text) is sees
