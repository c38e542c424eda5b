"""What is at its limit in bytes really runs: folders are made, the kernel takes the words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import limit_texts
import pytest
from local_lab import Lab

from portal.domain import limits


@pytest.mark.parametrize("unit", limit_texts.UNITS.values(), ids=limit_texts.UNITS)
@pytest.mark.parametrize("kind", ["regular", "distributed"])
def test_at_all_limits_at_once(lab: Lab, unit: str, kind: str) -> None:
    asked: dict[str, Any] = limit_texts.whole(unit)
    job_id = lab.submit("alice", asked.pop("command"), kind=kind, **asked)
    job = lab.until_ended(job_id)
    assert (job.state.value, job.exit_code) == ("finished", 0), job.reason
    replica = "main" if kind == "regular" else "worker-0"
    assert f" {limits.MAX_ENV_VALUE_BYTES}\n" in lab.said(job_id, replica)
    work = Path(lab.portal.settings.storage) / "work" / "alice" / limit_texts.folder(unit)
    assert (work / "made").is_file()


def test_a_folder_that_no_submission_could_name_ends_the_job(lab: Lab) -> None:
    """As of a job from before there was a limit: its devices are free at once."""
    job_id = lab.submit("alice", "true")
    lab.rewrite_sub_path(job_id, "训" * 86)
    job = lab.until_ended(job_id)
    assert (job.state.value, job.released) == ("error", True)
    assert job.reason is not None
    assert job.reason.code == "refused"
    assert "File name too long" in job.reason.message
    assert lab.until_ended(lab.submit("alice", "true")).state.value == "finished"


def test_a_command_that_no_submission_could_have_says_what_is_too_long(lab: Lab) -> None:
    job_id = lab.submit("alice", "true")
    lab.rewrite_command(job_id, ": " + "x" * limits.MAX_WORD_BYTES)
    job = lab.until_ended(job_id)
    assert (job.state.value, job.released) == ("error", True)
    assert job.reason is not None
    assert "the system takes at most 131071" in job.reason.message
