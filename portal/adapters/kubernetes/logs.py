"""A replica's output, read through the API while its pod is there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta

from portal.adapters.kubernetes import naming, observe
from portal.adapters.kubernetes.client import KubernetesApi, Refusal, Timeout
from portal.adapters.kubernetes.log_lines import LogLines, second_of
from portal.adapters.kubernetes.node_view import health_of
from portal.adapters.kubernetes.scope import NODES, Scope
from portal.domain.errors import TemporaryFailure
from portal.domain.job import AttemptRef

READ_TIMEOUT: Timeout = (3.05, 30)
FOLLOW_TIMEOUT: Timeout = (3.05, 120)
"""A quiet replica's connection is opened anew after so long: it may have died unnoticed."""
POLL_S = 0.5
REDRAW_S = 1.0
"""A line that is drawn anew is given out at most so often before its end."""
MARGIN = timedelta(seconds=2)
"""Times go back by less: standard output and error are stamped by different hands."""


class LogReader:
    """Reads with connections of its own: a followed log holds one for hours."""

    def __init__(self, api: KubernetesApi, scope: Scope) -> None:
        self._api = api
        self._scope = scope

    def lines(
        self, ref: AttemptRef, replica: str, since: datetime | None, follow: bool
    ) -> Iterator[bytes]:
        """The lines of one replica; see ``ports.Cluster.logs``.

        A line that has no end yet is given out when nothing more can come of it: an answer
        may break off in the middle of a line and look as if it were over.
        """
        name, given = naming.pod_name(ref, replica), _Given()
        unended = b""
        while True:
            pod = self._pod(name)
            # Looked at before reading: what ended before can say nothing after.
            over = pod is None or observe.has_said_all(pod)
            if pod is not None:
                whole, unended = yield from self._once(name, pod, given, since, follow)
                over = over and whole
            if over and unended and given.is_new(unended):
                yield unended
            if over or not follow:
                return
            since = given.since(since)
            time.sleep(POLL_S)

    def _pod(self, name: str) -> observe.Pod | None:
        try:
            return self._api.call("GET", self._path(name))
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    def _once(
        self,
        name: str,
        pod: observe.Pod,
        given: _Given,
        since: datetime | None,
        follow: bool,
    ) -> Generator[bytes, None, tuple[bool, bytes]]:
        """The new lines of one answer; whether it came to its end, and its unended line."""
        lines, container = LogLines(), observe.container_id(pod)
        given.begin()
        whole, drawn, drawn_s = True, b"", float("-inf")
        try:
            for block in self._blocks(name, pod, since, follow):
                yield from filter(given.is_new, lines.feed(block))
                now_s = time.monotonic()
                if follow and now_s - drawn_s >= REDRAW_S:
                    shown, drawn = drawn, lines.redrawn(container)
                    if drawn not in (b"", shown):
                        drawn_s = now_s
                        yield drawn
        except _BrokenOff as broken:
            # A follower opens it again; a reader would take a part for the whole.
            if not follow:
                raise broken.failure from None
            whole = False
        return whole, lines.unended(container)

    def _blocks(
        self, name: str, pod: observe.Pod, since: datetime | None, follow: bool
    ) -> Iterator[bytes]:
        """What one request brings; nothing while the container has not started."""
        if not observe.has_started(pod):
            return
        query = {"container": naming.CONTAINER, "timestamps": "true"}
        if since is not None:
            query["sinceTime"] = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if follow:
            query["follow"] = "true"
        try:
            timeout = FOLLOW_TIMEOUT if follow else READ_TIMEOUT
            stream = self._api.stream(f"{self._path(name)}/log", query, timeout)
        except Refusal as refusal:
            if refusal.status in (400, 404):  # it is being started, or is gone
                return
            raise
        except TemporaryFailure:
            if self._out_of_reach(pod):
                return
            raise
        try:
            yield from stream.blocks()
        except TemporaryFailure as failure:
            raise _BrokenOff(failure) from failure
        finally:
            stream.close()

    def _out_of_reach(self, pod: observe.Pod) -> bool:
        """Whether the pod's node is gone or silent: its logs are then lost, not late."""
        try:
            node = self._api.call("GET", f"{NODES}/{pod['spec'].get('nodeName', '')}")
        except Refusal as refusal:
            return refusal.status == 404
        return not health_of(node).ready

    def _path(self, name: str) -> str:
        return f"{self._scope.collection('Pod')}/{name}"


class _BrokenOff(Exception):
    """An answer broke off; ``failure`` says how."""

    def __init__(self, failure: TemporaryFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _Given:
    """The lines that were given out in the last moments, to tell what an answer brings again.

    Lines are counted: several of one answer may be the same, those of the next answer are
    then the same ones. Only hashes are kept, of lines not older than the margin.
    """

    def __init__(self) -> None:
        self._given: dict[datetime, Counter[int]] = {}
        self._brought: dict[datetime, Counter[int]] = {}
        self._newest: datetime | None = None

    def begin(self) -> None:
        """A new answer begins; it may bring everything of the last moments again."""
        self._brought = {}

    def since(self, asked: datetime | None) -> datetime | None:
        """The moment from which on the next answer is wanted."""
        if self._newest is None:
            return asked
        ours = self._newest - MARGIN
        return ours if asked is None else max(ours, asked)

    def is_new(self, line: bytes) -> bool:
        """Whether the line was not given out before; it now is."""
        second, mark = second_of(line), hash(line)
        brought = self._brought.setdefault(second, Counter())
        given = self._given.setdefault(second, Counter())
        brought[mark] += 1
        if brought[mark] <= given[mark]:
            return False
        given[mark] = brought[mark]
        if self._newest is None or second > self._newest:
            self._newest = second
            self._forget(second - MARGIN)
        return True

    def _forget(self, before: datetime) -> None:
        for kept in (self._given, self._brought):
            for second in [second for second in kept if second < before]:
                del kept[second]
