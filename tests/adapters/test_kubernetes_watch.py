"""The watch against an API server of this test: expiry, errors, silence, broken answers.

The server speaks real HTTP and answers from a script; the watch is the product's.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.adapters.kubernetes.client import KubernetesApi, Refusal
from portal.adapters.kubernetes.cluster import KubernetesCluster
from portal.adapters.kubernetes.feed import Pulse, back_off_s
from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.launch import Observed, ReplicaPhase
from portal.testing.builders import a_launch
from portal.testing.recording import RecordingListener
from portal.testing.waiting import eventually

REF = AttemptRef("job1", 1)
PODS = "/api/v1/namespaces/jobs/pods"


def a_pod(version: int, phase: str = "Running", name: str = "worker-0") -> dict[str, Any]:
    state = {"running": {"startedAt": "2026-11-02T12:00:00Z"}} if phase == "Running" else {}
    return {
        "metadata": {
            "name": f"aoli-job1-1-{name}",
            "uid": name,
            "resourceVersion": str(version),
            "labels": {"aoli/job": "job1", "aoli/attempt": "1", "aoli/replica": name},
            "managedFields": [{}],
        },
        "spec": {"nodeName": "node-1"},
        "status": {"phase": phase, "containerStatuses": [{"name": "replica", "state": state}]},
    }


def a_node() -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-02T12:00:00Z"}
    chips = {"nvidia.com/gpu": "8"}
    return {
        "metadata": {"name": "node-1", "labels": {}, "resourceVersion": "3"},
        "spec": {},
        "status": {"capacity": chips, "allocatable": chips, "conditions": [ready]},
    }


def a_foreign_pod() -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": "2"}}
    return {
        "metadata": {"name": "theirs", "uid": "theirs", "resourceVersion": "4"},
        "spec": {"nodeName": "node-1", "containers": [{"resources": limits}]},
        "status": {"phase": "Running"},
    }


class Api(ThreadingHTTPServer):
    """Lists what is in ``things``, and streams what is put into ``events``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.things: dict[str, list[dict[str, Any]]] = {}
        self.events: dict[str, list[dict[str, Any] | bytes]] = {}
        self.refusals: dict[str, tuple[int, str, str]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.watches = 0
        self.over = threading.Event()

    def lists(self, path: str) -> int:
        """How often a collection was listed."""
        return sum(1 for _, asked, q in self.asked if asked == path and "watch" not in q)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        path, query = self._note()
        if path in self.server.refusals:
            self._refuse(*self.server.refusals[path])
        elif "watch" in query:
            self._watch(path)
        elif path == "/version":
            self._answer(200, {})
        else:
            items = self.server.things.get(path, [])
            self._answer(200, {"metadata": {"resourceVersion": "5"}, "items": items})

    def do_POST(self) -> None:
        path, _ = self._note()
        self.rfile.read(int(self.headers["Content-Length"]))
        self._refuse(*self.server.refusals.get(path, (500, "", "no script for this")))

    def _note(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.server.asked.append((self.command, parts.path, query))
        return parts.path, query

    def _watch(self, path: str) -> None:
        self.server.watches += 1
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.server.over.wait(0.01):
            script = self.server.events.get(path)
            if not script:
                continue
            event = script.pop(0)
            if event == b"":  # the stream ends in good order
                break
            line = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, reason: str, message: str) -> None:
        self._answer(status, {"kind": "Status", "reason": reason, "message": message})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cluster(api: Api, tmp_path: Path) -> KubernetesCluster:
    return KubernetesCluster("test", kubeconfig=kubeconfig(api, tmp_path), namespace="jobs")


def kubeconfig(api: Api, folder: Path) -> str:
    path = folder / "kubeconfig"
    address = f"http://127.0.0.1:{api.server_port}"
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": {}}],
    }
    path.write_text(json.dumps(config))
    return str(path)


@pytest.fixture
def begin(cluster: KubernetesCluster) -> Iterator[Callable[[Any], Any]]:
    """Begin watching with a listener."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def watch(listener: Any) -> Any:
        thread = threading.Thread(target=cluster.watch, args=(listener, stop), daemon=True)
        threads.append(thread)
        thread.start()
        return listener

    yield watch
    began = time.monotonic()
    stop.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert time.monotonic() - began < 3, "stop is not prompt"


def phase(listener: RecordingListener) -> ReplicaPhase | None:
    seen = listener.latest(REF)
    return seen.replicas[0].phase if seen and seen.replicas else None


def test_it_goes_on_from_the_list_with_bookmarks(api: Api, begin: Callable[[Any], Any]) -> None:
    api.things[PODS] = [a_pod(4, "Pending")]
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}
    change = {"type": "MODIFIED", "object": a_pod(7)}
    api.events[PODS] = [change, bookmark, b""]
    listener = begin(RecordingListener())
    eventually(lambda: phase(listener) is ReplicaPhase.RUNNING)
    assert listener.calls[:2] == ["nodes_changed", "listed"]
    watched = [q for _, path, q in api.asked if path == PODS and "watch" in q]
    assert watched[0]["resourceVersion"] == "5"
    assert watched[0]["allowWatchBookmarks"] == "true"
    assert watched[0]["timeoutSeconds"] == "300"

    def resumed() -> bool:
        later = [q for _, path, q in api.asked if path == PODS and "watch" in q]
        return len(later) > 1 and later[1]["resourceVersion"] == "9"

    eventually(resumed, what="the watch to go on from the bookmark")
    assert api.lists(PODS) == 1, "a watch that ran out is no reason to list again"
    assert not listener.breaks


def test_an_expired_version_is_listed_again(api: Api, begin: Callable[[Any], Any]) -> None:
    api.events[PODS] = [{"type": "ERROR", "object": {"code": 410, "message": "too old"}}]
    listener = begin(RecordingListener())
    eventually(lambda: listener.lists)
    api.things[PODS] = [a_pod(6)]
    eventually(lambda: len(listener.lists) == 2, what="a new list")
    assert phase(listener) is ReplicaPhase.RUNNING
    assert not listener.breaks, "an expired version is no break"


def test_a_watch_that_is_refused_as_expired(api: Api, begin: Callable[[Any], Any]) -> None:
    listener = begin(RecordingListener())
    eventually(lambda: listener.lists)
    api.refusals[PODS] = (410, "Expired", "too old")
    api.events[PODS] = [b""]
    eventually(lambda: listener.breaks, what="a list that is refused is a break")
    del api.refusals[PODS]
    eventually(lambda: len(listener.lists) > 1)


def test_trouble_is_told_once_and_mended(api: Api, begin: Callable[[Any], Any]) -> None:
    api.refusals[PODS] = (503, "ServiceUnavailable", "try later")
    listener = begin(RecordingListener())
    eventually(lambda: api.lists(PODS) >= 3, what="more tries")
    assert listener.calls == ["unreachable"]
    assert "try later" in listener.breaks[0]
    del api.refusals[PODS]
    eventually(lambda: listener.lists)
    assert listener.calls == ["unreachable", "nodes_changed", "listed"]


@pytest.mark.parametrize(
    "garbage", [b"{half", {"type": "ERROR", "object": {"code": 500, "message": "etcd is away"}}]
)
def test_a_broken_answer_is_a_break(
    api: Api, begin: Callable[[Any], Any], garbage: dict[str, Any] | bytes
) -> None:
    api.events[PODS] = [garbage, b""]
    listener = begin(RecordingListener())
    eventually(lambda: listener.breaks)
    eventually(lambda: listener.calls.count("listed") >= 1 and not api.events[PODS])
    assert listener.breaks


def test_news_that_comes_together_is_told_together(api: Api, begin: Callable[[Any], Any]) -> None:
    listener = begin(RecordingListener())
    eventually(lambda: listener.lists)
    burst = [
        {"type": "ADDED", "object": a_pod(10 + i, "Pending", f"worker-{i}")} for i in range(50)
    ]
    text = b"".join(json.dumps(event).encode() + b"\n" for event in burst)
    api.events[PODS] = [text]

    def complete() -> bool:
        seen = listener.latest(REF)
        return seen is not None and len(seen.replicas) == 50

    eventually(complete)
    assert listener.calls.count("attempt_changed") < 10


def test_what_did_not_change_is_not_told(api: Api, begin: Callable[[Any], Any]) -> None:
    api.things[PODS] = [a_pod(4)]
    listener = begin(RecordingListener())
    eventually(lambda: listener.lists)
    same = a_pod(8)
    same["metadata"]["annotations"] = {"touched": "by somebody"}
    api.events[PODS] = [
        {"type": "MODIFIED", "object": same},
        {"type": "DELETED", "object": a_pod(9)},
    ]

    def gone() -> bool:
        seen = listener.latest(REF)
        return seen is not None and seen.gone

    eventually(gone)
    assert listener.calls.count("attempt_changed") == 1


def test_a_listener_that_fails_is_told_again(api: Api, begin: Callable[[Any], Any]) -> None:
    class Failing(RecordingListener):
        failures = 0

        def attempt_changed(self, observed: Observed) -> None:
            if self.failures < 1:
                self.failures += 1
                raise RuntimeError("the database is locked")
            super().attempt_changed(observed)

    listener = begin(Failing())
    eventually(lambda: listener.lists)
    api.events[PODS] = [{"type": "ADDED", "object": a_pod(8)}]
    eventually(lambda: phase(listener) is ReplicaPhase.RUNNING)
    assert listener.failures == 1


def test_pods_of_others_we_may_not_see_are_none(api: Api, tmp_path: Path) -> None:
    from portal.adapters.kubernetes.node_view import DeviceRule

    api.refusals["/api/v1/pods"] = (403, "Forbidden", "not for you")
    cluster = KubernetesCluster(
        "test",
        kubeconfig=kubeconfig(api, tmp_path),
        namespace="jobs",
        device_rules=[DeviceRule("gpu", "nvidia.com/gpu")],
    )
    listener, stop = RecordingListener(), threading.Event()
    thread = threading.Thread(target=cluster.watch, args=(listener, stop), daemon=True)
    thread.start()
    try:
        eventually(lambda: listener.lists)
        assert not listener.breaks
        assert cluster.nodes() == ()
    finally:
        stop.set()
        thread.join(10)


def test_a_right_that_was_missing_for_a_moment_is_used_when_it_is_there(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.adapters.kubernetes.feed import Feed
    from portal.adapters.kubernetes.node_view import DeviceRule

    monkeypatch.setattr(Feed, "FORBIDDEN_S", 0.05)
    api.refusals["/api/v1/pods"] = (403, "Forbidden", "not for you")
    api.things["/api/v1/nodes"] = [a_node()]
    api.things["/api/v1/pods"] = [a_foreign_pod()]
    cluster = KubernetesCluster(
        "test",
        kubeconfig=kubeconfig(api, tmp_path),
        namespace="jobs",
        device_rules=[DeviceRule("gpu", "nvidia.com/gpu")],
    )
    listener, stop = RecordingListener(), threading.Event()
    thread = threading.Thread(target=cluster.watch, args=(listener, stop), daemon=True)
    thread.start()
    try:
        eventually(lambda: listener.lists)
        assert listener.nodes[0].foreign_devices == 0
        del api.refusals["/api/v1/pods"]
        eventually(lambda: listener.nodes[0].foreign_devices == 2, what="others' devices")
        assert not listener.breaks
    finally:
        stop.set()
        thread.join(10)


def test_silence_is_noticed(
    api: Api, begin: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pulse, "EVERY_S", 0.1)
    listener = begin(RecordingListener())
    eventually(lambda: listener.lists)
    lists = api.lists(PODS)
    api.refusals["/version"] = (503, "", "no pulse")
    eventually(lambda: listener.breaks)
    eventually(lambda: api.lists(PODS) > lists, what="the feeds to begin anew")
    assert len(listener.lists) == 1, "nothing is told before the pulse is back"
    del api.refusals["/version"]
    eventually(lambda: len(listener.lists) == 2)
    assert len(listener.breaks) == 1


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, PermanentFailure),
        (403, PermanentFailure),
        (413, PermanentFailure),
        (422, PermanentFailure),
        (401, TemporaryFailure),
        (429, TemporaryFailure),
        (500, TemporaryFailure),
        (503, TemporaryFailure),
        (504, TemporaryFailure),
    ],
)
def test_what_a_refused_launch_means(
    api: Api, cluster: KubernetesCluster, status: int, failure: type[Exception]
) -> None:
    api.refusals[PODS] = (status, "Why", "because of this")
    with pytest.raises(failure, match="because of this"):
        cluster.launch(a_launch())


def test_a_conflict_that_is_no_existing_object_is_temporary(
    api: Api, cluster: KubernetesCluster
) -> None:
    api.refusals[PODS] = (409, "Conflict", "the quota was changed meanwhile")
    with pytest.raises(TemporaryFailure, match="quota"):
        cluster.launch(a_launch())


def test_an_answer_that_is_not_kubernetes(api: Api, tmp_path: Path) -> None:
    api.refusals["/odd"] = (404, "", "")
    with pytest.raises(Refusal, match="HTTP status 404"):
        KubernetesApi(kubeconfig(api, tmp_path)).call("GET", "/odd")


def test_the_back_off_grows_is_capped_and_spread() -> None:
    assert all(0.25 <= back_off_s(0) <= 0.5 for _ in range(50))
    assert all(15 <= back_off_s(tries) <= 30 for tries in (6, 20, 10_000))
    assert len({back_off_s(3) for _ in range(20)}) > 1
