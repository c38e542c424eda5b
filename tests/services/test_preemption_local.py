"""Preemption with notice on the local runtime: real commands, real signals, real files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from house import actor
from local_lab import Lab

from portal.models import VcRow
from portal.models.db import session
from portal.services.running import stop_notice as notice

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
