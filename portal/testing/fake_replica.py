"""One replica of the fake cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from portal.domain.launch import ReplicaLaunch, ReplicaPhase, ReplicaStatus
from portal.testing.script import Script

_OVER = (ReplicaPhase.SUCCEEDED, ReplicaPhase.FAILED, ReplicaPhase.LOST)


class FakeReplica:
    """Where it stands; the cluster's lock is held by whoever calls."""

    def __init__(self, launch: ReplicaLaunch) -> None:
        self.node = launch.slot.node
        self.lines: list[tuple[datetime, str]] = []
        self._status = ReplicaStatus(
            launch.name, ReplicaPhase.PENDING, node=self.node, serves=launch.serves
        )
        self._launch = launch
        self._script: Script | None = None
        self._killed_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more can come of it."""
        return self._status.phase in _OVER

    def status(self) -> ReplicaStatus:
        """As the cluster shows it."""
        return self._status

    def run(self, now: datetime, *, acts: bool = False) -> None:
        """It starts; with ``acts`` its command is acted out as time goes on."""
        if self._status.phase is not ReplicaPhase.PENDING:
            return
        self._set(phase=ReplicaPhase.RUNNING, started_at=now, address="127.0.0.1")
        self._script = Script(self._launch.command, self._launch.env) if acts else None

    def advance(self, now: datetime) -> bool:
        """Let time pass; whether anything changed."""
        if self.ended:
            return False
        before = len(self.lines), self._status
        if self._killed_at is not None and now >= self._killed_at:
            self.end(now, 137)
        elif self._script is not None:
            self._script.advance(now)
            self._take(now)
        return before != (len(self.lines), self._status)

    def stop(self, now: datetime, grace_s: int, *, obeys: bool) -> None:
        """It is asked to end."""
        if self.ended:
            return
        self._set(stopping=True, signalled=True)
        self._killed_at = now + timedelta(seconds=grace_s)
        if not obeys:
            return
        if self._script is None:
            self.end(now, 143)
            return
        self._script.terminate(now)
        self._take(now)

    def end(self, now: datetime, exit_code: int) -> None:
        """It ends with ``exit_code``."""
        if self.ended:
            return
        phase = ReplicaPhase.FAILED if exit_code else ReplicaPhase.SUCCEEDED
        started = self._status.started_at or now
        self._set(
            phase=phase, exit_code=exit_code, started_at=started, finished_at=now, stopping=False
        )

    def go_wrong(self, phase: ReplicaPhase, code: str, detail: str) -> None:
        """Something is wrong with it."""
        if not self.ended:
            self._set(phase=phase, code=code, detail=detail)

    def note(self, notes: Mapping[str, str]) -> None:
        """Its device plugin writes on it."""
        self._set(notes=dict(notes))

    def _take(self, now: datetime) -> None:
        """What the script said and did since the last look."""
        assert self._script is not None
        self.lines += [(now, text) for text in self._script.said]
        self._script.said.clear()
        if self._script.exit_code is not None:
            self.end(now, self._script.exit_code)

    def _set(self, **fields: Any) -> None:
        self._status = replace(self._status, **fields)
