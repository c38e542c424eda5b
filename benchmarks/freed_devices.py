"""How soon freed devices are in use again: jobs that each want all there are, in a queue."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.table import Row, spread
from portal.testing.calling import TERMINAL
from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually

TYPE = "nvidia_gpu_amd64"
JOBS = 30
COMMAND = """
cd "${AOLI_JOB_PATH:-/job}"; date +%s.%N > began; sleep 0.5; date +%s.%N > ended
"""
WAITS_S = 600
NODES_S = 20


def measure(folder: Path, name: str, image: str, **settings: str) -> list[Row]:
    """On one cluster, with all of its devices of one type; ``local`` declares one."""
    storage = folder / "storage"
    storage.mkdir(parents=True)
    with RunningPortal(folder / "portal", AOLI_STORAGE_ROOT=str(storage), **settings) as portal:
        try:
            devices = eventually(lambda: _quota(portal), NODES_S, what="devices")
        except AssertionError:
            return [Row(f"{name}: devices freed", f"not measured: no node has {TYPE}")]
        _share_out_one(portal)
        jobs = [_submit(portal, number, image) for number in range(JOBS)]
        eventually(lambda: _all_ended(portal), WAITS_S, what=f"{JOBS} jobs on {devices} devices")
        spans = _spans(portal)
        moments = [_moments(storage, job) for job in jobs]
    chosen, whole = [], []
    for earlier, later in pairwise(sorted(moments)):
        whole.append(later[0] - earlier[1])
    for (_, freed), (created, _) in pairwise(spans):
        chosen.append(created - freed)
    return [
        Row(f"{name}: devices freed → next job created on the cluster", spread(chosen)),
        Row(f"{name}: command ended → next command runs", spread(whole)),
    ]


def _quota(portal: RunningPortal) -> int:
    return sum(int(vc["quota"].get(TYPE, 0)) for vc in portal.call("GET", "/vcs")["items"])


def _share_out_one(portal: RunningPortal) -> None:
    """One device in all, so that each job waits for the one before it."""
    portal.call("PATCH", "/vcs/platform", {"quota": {TYPE: 1}})


def _submit(portal: RunningPortal, number: int, image: str) -> str:
    fields: dict[str, Any] = {"name": f"bench-{number}", "device_type": TYPE, "devices": 1}
    return portal.submit(COMMAND, image=image, **fields)


def _all_ended(portal: RunningPortal) -> bool:
    page = portal.call("GET", "/jobs?scope=mine&limit=200")
    return all(job["status"] in TERMINAL for job in page["items"])


def _moments(storage: Path, job: str) -> tuple[float, float]:
    """When the command began and when it ended."""
    folder = next(storage.glob(f"jobs/*/{job}"))
    return float((folder / "began").read_text()), float((folder / "ended").read_text())


def _spans(portal: RunningPortal) -> list[tuple[float, float]]:
    """Of each job in order: created on the cluster, devices freed."""
    query = (
        "SELECT job.launched_at, allocation.ended_ms FROM job"
        " JOIN allocation ON allocation.job = job.id ORDER BY job.launched_at"
    )
    with closing(sqlite3.connect(f"file:{portal.data_dir}/aoli.db?mode=ro", uri=True)) as database:
        rows = database.execute(query).fetchall()
    return [
        (datetime.fromisoformat(made).timestamp(), freed / 1000)
        for made, freed in rows
        if freed is not None
    ]
