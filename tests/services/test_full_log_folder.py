"""A log folder without room is said on the job, and holds nobody's devices."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import GPU, House, actor
from web_house import WebHouse

from portal.domain.job_state import JobState
from portal.models.db import session
from portal.services.logs import room


class NoRoom:
    """What :class:`LogKeeper` is told of the room."""

    def __init__(self, answer: int | OSError) -> None:
        self.answer = answer

    def __call__(self, folder: str) -> int:
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


def shown(house: House, job_id: str) -> dict[str, Any]:
    with session():
        return house.portal.jobs.get(actor("alice"), job_id)


@pytest.mark.parametrize("room_is", [0, room.LEAST_BYTES - 1, OSError(errno.ESTALE, "stale")])
def test_a_job_that_ends_without_room_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch, room_is: int | OSError
) -> None:
    job_id = house.run(device_type=GPU, devices=4)
    monkeypatch.setattr(house.portal.logs, "_free", NoRoom(room_is))
    house.end(job_id)
    job = shown(house, job_id)
    assert (job["status"], job["released"], job["output_lost"]) == ("finished", True, True)


def test_with_room_nothing_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.portal.logs, "_free", NoRoom(room.LEAST_BYTES))
    job_id = house.run()
    house.end(job_id)
    assert shown(house, job_id)["output_lost"] is False


def test_output_that_cannot_be_written_does_not_keep_the_devices(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = house.run(device_type=GPU, devices=4)

    def full(*_: object, **__: object) -> Iterator[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(house.cluster, "logs", full)
    house.end(job_id)
    job = shown(house, job_id)
    assert (job["status"], job["released"], job["output_lost"]) == ("finished", True, True)
    assert "no room for the output of" in caplog.text


def test_the_next_attempt_begins_without_the_mark(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = house.run()
    monkeypatch.setattr(house.portal.logs, "_free", NoRoom(0))
    with session():
        house.portal.jobs.act(actor("alice"), job_id, "pause")
    house.work()
    house.look()
    assert house.job(job_id).state is JobState.PAUSED
    assert shown(house, job_id)["output_lost"] is True
    with session():
        house.portal.jobs.act(actor("alice"), job_id, "resume")
    house.work()
    assert shown(house, job_id)["output_lost"] is False


def test_the_console_and_the_metric_say_it(
    web_house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = web_house.house
    good, lost = house.run(), house.run()
    house.end(good)
    monkeypatch.setattr(house.portal.logs, "_free", NoRoom(12))
    house.end(lost)
    client = web_house.app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = "1.0", True
    said = "The log folder was full when this job ended"
    assert said in client.get(f"/jobs/{lost}/console").text
    assert said not in client.get(f"/jobs/{good}/console").text
    assert "aoli_log_free_bytes 12.0" in client.get("/metrics").text.splitlines()


def test_room_is_that_of_the_file_system(tmp_path: Path) -> None:
    assert room.free_bytes(str(tmp_path / "not" / "there")) > 0
