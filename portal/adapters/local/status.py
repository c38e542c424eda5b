"""From a replica's files to what the portal sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from portal.adapters.local.layout import Layout, read_json
from portal.adapters.local.shim.record import boot_id, start_time
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase, ReplicaStatus

ADDRESS = "127.0.0.1"
KILLED = 143
ENDED = frozenset({ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED, ReplicaPhase.LOST})


def observe(layout: Layout, ref: AttemptRef) -> Observed:
    """An attempt as its files say."""
    found = []
    for folder in layout.replicas(ref):
        spec = read_json(folder / "spec.json")
        if spec is not None:
            status = replace(replica_status(folder, spec), serves=bool(spec.get("serves")))
            found.append((spec.get("rank", 0), status))
    replicas = tuple(status for _, status in sorted(found, key=lambda item: item[0]))
    return Observed(ref, replicas, objects=not replicas and layout.attempt(ref).exists())


def replica_status(folder: Path, spec: dict[str, Any]) -> ReplicaStatus:
    """One replica as its files, and the process that should be there, say."""
    name, node = folder.name, str(spec.get("node", ""))
    stopping = (folder / "stop.json").exists()
    record = read_json(folder / "status.json")
    if record is None:
        return _not_started(name, node, stopping)
    if record.get("phase") != "exited" and not shim_lives(record):
        # It may have ended between our two looks.
        record = read_json(folder / "status.json") or {}
        if record.get("phase") != "exited":
            return _lost(name, node, record)
    return _from_record(name, node, record, stopping)


def shim_lives(record: dict[str, Any]) -> bool:
    """Whether the very process that wrote the record is alive."""
    pid, started = record.get("shim"), record.get("shim_start")
    if not isinstance(pid, int) or record.get("boot") != boot_id():
        return False
    return started != 0 and start_time(pid) == started


def _not_started(name: str, node: str, stopping: bool) -> ReplicaStatus:
    """No shim yet. One that comes after the wish to stop starts nothing."""
    if stopping:
        return ReplicaStatus(
            name,
            ReplicaPhase.FAILED,
            node=node,
            exit_code=KILLED,
            detail="stopped before it started",
        )
    return ReplicaStatus(name, ReplicaPhase.PENDING, node=node)


def _lost(name: str, node: str, record: dict[str, Any]) -> ReplicaStatus:
    if record.get("boot") == boot_id():
        code, detail = "replica_lost", "its supervising process was killed"
    else:
        code, detail = "runtime_stopped", "the machine was started anew"
    return ReplicaStatus(
        name,
        ReplicaPhase.LOST,
        node=node,
        code=code,
        detail=detail,
        started_at=_time(record.get("started_at")),
    )


def _from_record(name: str, node: str, record: dict[str, Any], stopping: bool) -> ReplicaStatus:
    phase = _phase(record)
    exit_code = record.get("exit_code")
    return ReplicaStatus(
        name,
        phase,
        node=node,
        address=ADDRESS if phase is ReplicaPhase.RUNNING else "",
        exit_code=exit_code if phase is not ReplicaPhase.LOST else None,
        code=record.get("code"),
        detail=str(record.get("detail", "")),
        started_at=_time(record.get("started_at")),
        finished_at=_time(record.get("finished_at")),
        stopping=stopping and phase not in ENDED,
        signalled=bool(record.get("signalled")),
    )


def _phase(record: dict[str, Any]) -> ReplicaPhase:
    if record["phase"] == "pending":
        return ReplicaPhase.PENDING
    if record["phase"] == "running":
        return ReplicaPhase.RUNNING
    if record.get("code") == "runtime_stopped":
        return ReplicaPhase.LOST
    return ReplicaPhase.FAILED if record.get("exit_code") else ReplicaPhase.SUCCEEDED


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
