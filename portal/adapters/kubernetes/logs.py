"""A replica's output, read through the API while its pod is there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from portal.adapters.kubernetes import naming, observe
from portal.adapters.kubernetes.client import KubernetesApi, Refusal, Stream, Timeout
from portal.adapters.kubernetes.node_view import health_of
from portal.adapters.kubernetes.scope import NODES, Scope
from portal.domain.errors import TemporaryFailure
from portal.domain.job import AttemptRef

READ_TIMEOUT: Timeout = (3.05, 30)
FOLLOW_TIMEOUT: Timeout = (3.05, 120)
"""A quiet replica's connection is opened anew after so long: it may have died unnoticed."""
POLL_S = 0.5
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)")
_NO_LOG = (b"unable to retrieve container logs", b"failed to try resolving symlinks")
"""What kubelet writes in a log's place when there is none."""


class LogReader:
    """Reads with connections of its own: a followed log holds one for hours."""

    def __init__(self, api: KubernetesApi, scope: Scope) -> None:
        self._api = api
        self._scope = scope

    def lines(
        self, ref: AttemptRef, replica: str, since: datetime | None, follow: bool
    ) -> Iterator[bytes]:
        """The lines of one replica; see ``ports.Cluster.logs``."""
        name = naming.pod_name(ref, replica)
        newest = b""
        while True:
            pod = self._pod(name)
            if pod is None:
                return
            # Looked at before reading: what ended before can say nothing after.
            ended = observe.has_ended(pod)
            known = newest
            for line in self._read(name, pod, since, follow):
                stamp = line.partition(b" ")[0]
                # A node that has cleared the container away answers with words of its own.
                if _STAMP.match(stamp) and stamp > known:
                    newest = stamp
                    yield line
            if not follow or ended:
                return
            since = _second_of(newest) or since
            time.sleep(POLL_S)

    def _pod(self, name: str) -> observe.Pod | None:
        try:
            return self._api.call("GET", self._path(name))
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    def _read(
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
        yield from self._stamped(stream, follow)

    def _stamped(self, stream: Stream, follow: bool) -> Iterator[bytes]:
        stamp = b""
        try:
            for raw in stream.lines():
                line = stamped(raw, stamp)
                if line is not None:
                    stamp = line.partition(b" ")[0]
                    yield line
        except TemporaryFailure:
            # A follower opens it again; a reader would take a part for the whole.
            if not follow:
                raise
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


def stamped(raw: bytes, before: bytes) -> bytes | None:
    """A line as everyone keeps it: time in UTC with nine decimals, so that times sort as text.

    ``before`` is the time of the line before, for one that has none; ``None`` for a line
    that the command did not write.
    """
    text = raw.rstrip(b"\n")
    found = _STAMP.match(text)
    if found is None:
        if not before or text.startswith(_NO_LOG):
            return None
        return before + b" " + text + b"\n"
    second, fraction, zone = found.group(1), found.group(2) or b"", found.group(3)
    if zone != b"Z":
        local = datetime.fromisoformat((second + zone).decode())
        second = f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%S}".encode()
    return second + b"." + fraction.ljust(9, b"0") + b"Z " + text[found.end() :] + b"\n"


def _second_of(stamp: bytes) -> datetime | None:
    if not stamp:
        return None
    return datetime.fromisoformat(stamp[:19].decode()).replace(tzinfo=UTC)
