"""What a job that starts or stops is at: the step by its name, and how far where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.domain.job_state import JobState
from portal.web.base.words import gettext, told
from portal.web.jobs.items import JobItem

Replicas = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Progress:
    """``step`` in words; ``done`` of ``total`` replicas are through, 0 of 0 when there is one."""

    step: str
    done: int = 0
    total: int = 0
    amount: str = ""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.done / self.total if self.total else 0.0


def progress_of(line: JobItem, replicas: Replicas) -> Progress | None:
    """The progress of a job that is on its way; ``None`` of one that stays as it is."""
    total = line.job["nodes"] if line.job["nodes"] > 1 else 0
    if line.state is JobState.SCHEDULING:
        done = _number(replicas, "running", "succeeded")
        amount = gettext("%(done)s of %(total)s replicas run", done=done, total=total)
        return Progress(_starting(replicas), done, total, amount)
    if line.state in (JobState.PAUSING, JobState.KILLING, JobState.PREEMPTING):
        step = gettext("Ending the processes, with time to save")
        done = _number(replicas, "succeeded", "failed", "lost")
        amount = gettext("%(done)s of %(total)s replicas have ended", done=done, total=total)
        return Progress(step, done, total if replicas else 0, amount)
    return None


def _number(replicas: Replicas, *phases: str) -> int:
    return sum(replica["phase"] in phases for replica in replicas)


def _starting(replicas: Replicas) -> str:
    """The step of the first replica that does not run yet."""
    pending = next((replica for replica in replicas if replica["phase"] == "pending"), None)
    if pending is None:
        return gettext("Handing the job to the cluster")
    step = gettext("Choosing a node")
    if pending["code"] == "unschedulable":
        step = gettext("Waiting for room on a node")
    elif pending["node"]:
        step = gettext("Starting on %(node)s", node=pending["node"])
    return told(step, pending["detail"]) if pending["detail"] else step
