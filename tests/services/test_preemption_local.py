"""Preemption with notice on the local runtime: real commands, real signals, real files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from house import GPU, actor, body, in_session

from portal import wiring
from portal.domain.job import AttemptRef, Job
from portal.models import VcRow, db
from portal.models.db import session
from portal.services.portal import Portal
from portal.services.records import job_store
from portal.services.running import stop_notice as notice
from portal.settings import Settings
from portal.testing import FakeEvents, FakeQueue, eventually

DEADLINE_S = 30
TRAINING = """
if [ -f "$AOLI_JOB_PATH/saved" ]; then
  echo "attempt $AOLI_ATTEMPT goes on from $(cat "$AOLI_JOB_PATH/saved")"
  test ! -e "$AOLI_NOTICE"
  exit
fi
trap 'cp "$AOLI_NOTICE" "$AOLI_JOB_PATH/heard"; echo step-7 > "$AOLI_JOB_PATH/saved"; exit 0' TERM
echo ready
while :; do sleep 0.02; done
"""
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.02; done"


@dataclass
class Lab:
    """A portal on this machine, with one device; the test is its worker and its scheduler."""

    portal: Portal
    queue: FakeQueue

    def submit(self, who: str, command: str, **fields: Any) -> str:
        given = {"vc": "platform", "device_type": GPU, "devices": 1, "command": command}
        with session():
            job = self.portal.jobs.submit(actor(who), body(**{**given, **fields}))
        return str(job["id"])

    def job(self, job_id: str) -> Job:
        with session():
            job = job_store.fetch(job_id)
        assert job is not None
        return job

    def step(self) -> None:
        with session():
            self.portal.passes.full_pass()
        self.queue.enqueue("admit")
        self.queue.drain()

    def until(self, job_id: str, state: str) -> Job:
        def there() -> Job | None:
            self.step()
            job = self.job(job_id)
            return job if job.state.value == state else None

        found = eventually(there, DEADLINE_S, what=f"{state}, is {self.job(job_id)}")
        assert found is not None
        return found

    def until_said(self, job_id: str, text: str, attempt: int = 1) -> None:
        path = self.portal.logs.path(AttemptRef(job_id, attempt), "main")
        eventually(lambda: path.exists() and text in path.read_text(), DEADLINE_S, what=f"{text!r}")

    def folder(self, job_id: str) -> Path:
        with session():
            return Path(self.portal.jobs.get(actor("root"), job_id)["job_path"])


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    settings = Settings(
        data_dir=tmp_path / "data",
        secret_key="a key of tests long enough for HMAC",
        cluster_name="lab",
        local_devices={GPU: 1},
    )
    settings.data_dir.mkdir(parents=True)
    queue = FakeQueue()
    portal = wiring.connect(settings, queue=queue, events=FakeEvents())
    queue.tasks = {
        "admit": in_session(portal.admitter.admit),
        "drive": in_session(portal.driver.drive),
        "sweep": in_session(lambda job_id, number: portal.passes.sweep(job_id, int(number))),
    }
    wiring.upgrade(portal)
    with session():
        VcRow.update(preempt_grace_s=20).execute()
    yield Lab(portal, queue)
    for ref in portal.cluster.observe_all():
        portal.cluster.remove(ref, force=True)
    db.close()


def test_a_preempted_training_saves_and_goes_on(lab: Lab) -> None:
    training = lab.submit("alice", TRAINING, preemptible=True)
    lab.until(training, "running")
    lab.until_said(training, "ready")
    urgent = lab.submit("bob", "echo urgent")
    lab.until(urgent, "finished")
    done = lab.until(training, "finished")
    assert done.attempt == 2
    heard = json.loads((lab.folder(training) / "heard").read_text())
    assert (heard["action"], heard["attempt"], heard["grace_s"]) == ("preempt", 1, 20)
    assert heard["until"].endswith("Z")
    lab.until_said(training, "attempt 2 goes on from step-7", attempt=2)
    with session():
        events = lab.portal.jobs.events(actor("root"), training)
    assert [event["to"] for event in events] == [
        *("queued", "scheduling", "running", "preempting"),
        *("queued", "scheduling", "running", "finished"),
    ]
    assert events[3]["reason"]["by_job"] == urgent


def test_who_does_not_hear_is_ended_after_the_grace_of_its_vc(lab: Lab) -> None:
    with session():
        VcRow.update(preempt_grace_s=1).execute()
    deaf = lab.submit("alice", STUBBORN, preemptible=True)
    lab.until(deaf, "running")
    lab.until_said(deaf, "ready")
    urgent = lab.submit("bob", "echo urgent")
    lab.until(urgent, "finished")
    assert lab.until(deaf, "running").attempt == 2


def test_pause_gives_notice_too(lab: Lab) -> None:
    training = lab.submit("alice", TRAINING)
    lab.until(training, "running")
    lab.until_said(training, "ready")
    with session():
        lab.portal.jobs.act(actor("alice"), training, "pause")
    lab.until(training, "paused")
    assert json.loads((lab.folder(training) / "heard").read_text())["action"] == "pause"
    with session():
        lab.portal.jobs.act(actor("alice"), training, "resume")
    assert lab.until(training, "finished").attempt == 2


def linked_folder(folder: Path, outside: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(outside)


def linked_notice(folder: Path, outside: Path) -> None:
    folder.mkdir(parents=True)
    (folder / ".aoli-notice-0.json").symlink_to(outside / "target")


def linked_draft(folder: Path, outside: Path) -> None:
    folder.mkdir(parents=True)
    (folder / ".aoli-notice-0.json.new").symlink_to(outside / "target")


@pytest.mark.parametrize("trap", [linked_folder, linked_notice, linked_draft])
def test_links_of_the_job_lead_nowhere(
    lab: Lab, tmp_path: Path, trap: Callable[[Path, Path], None]
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "target").write_text("untouched")
    job_id = lab.submit("alice", "true")
    trap(lab.folder(job_id), outside)
    job = lab.job(job_id)
    given = notice.give(job, lab.portal.settings.storage, job.submitted_at)
    assert given == (trap is not linked_folder)
    assert [path.name for path in outside.iterdir()] == ["target"]
    assert (outside / "target").read_text() == "untouched"


def test_a_storage_out_of_reach_keeps_nobody_from_stopping(lab: Lab, tmp_path: Path) -> None:
    job = lab.job(lab.submit("alice", "true"))
    assert notice.give(job, str(tmp_path / "not mounted"), job.submitted_at) is False
    assert notice.give(job, lab.portal.settings.storage, job.submitted_at) is False
