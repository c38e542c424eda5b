"""Reading output from an API server of this test: answers that break off, end early, repeat.

The server speaks real HTTP and answers from a script; the reader is the product's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.adapters.kubernetes import logs
from portal.adapters.kubernetes.cluster import KubernetesCluster
from portal.domain.errors import TemporaryFailure
from portal.domain.job import AttemptRef

REF = AttemptRef("job1", 1)
ID = "4ed0fbc0a5c1"
NOT_FOUND = b'rpc error: code = NotFound desc = container "%b": not found' % ID.encode()
RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-11-02T12:00:00Z"}}
ENDED: dict[str, Any] = {"terminated": {"exitCode": 0, "finishedAt": "2026-11-02T12:00:09Z"}}
GONE: dict[str, Any] = {}
BREAKS = b"*the connection breaks*"


def at(second: float, text: str, end: str = "\n") -> bytes:
    whole, fraction = divmod(round(second * 1000), 1000)
    return f"2026-11-02T12:00:{whole:02}.{fraction:03}000000Z {text}{end}".encode()


class Api(ThreadingHTTPServer):
    """One pod, whose ``states`` follow each other, each with one answer of its log."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[tuple[dict[str, Any], list[bytes]]] = []
        self.since: list[str | None] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.endswith("/log"):
            self.server.since.append(parse_qs(parts.query).get("sinceTime", [None])[0])
            self._stream(self.server.script.pop(0)[1])
            return
        state = self.server.script[0][0] if self.server.script else GONE
        if state is GONE:
            self._json(404, {"kind": "Status", "reason": "NotFound", "message": "no such pod"})
            return
        container = {"name": "replica", "containerID": f"containerd://{ID}", "state": state}
        status = {"phase": "Running", "containerStatuses": [container]}
        self._json(200, {"metadata": {"name": "p"}, "spec": {}, "status": status})

    def _stream(self, blocks: list[bytes]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in blocks:
            if block is BREAKS:
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        self.wfile.write(b"0\r\n\r\n")

    def _json(self, status: int, body: dict[str, Any]) -> None:
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
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cluster(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KubernetesCluster:
    monkeypatch.setattr(logs, "POLL_S", 0)
    path = tmp_path / "kubeconfig"
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{api.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path.write_text(json.dumps(config))
    return KubernetesCluster("test", kubeconfig=str(path), namespace="jobs")


def said(cluster: KubernetesCluster, *, follow: bool = True) -> list[str]:
    lines = cluster.logs(REF, "worker-0", follow=follow)
    return [line.partition(b" ")[2].decode().rstrip("\n") for line in lines]


def test_a_follower_goes_on_where_the_connection_broke(
    api: Api, cluster: KubernetesCluster
) -> None:
    whole = [at(1, "one"), at(2, "two"), at(2, "two"), at(5, "three")]
    api.script = [
        (RUNNING, [whole[0], whole[1], BREAKS]),
        (RUNNING, [whole[0], *whole[1:3], at(5, "thr", ""), BREAKS]),
        (ENDED, [*whole[:2], BREAKS]),
        (ENDED, whole),
    ]
    assert said(cluster) == ["one", "two", "two", "three"]
    assert api.since == [None, "2026-11-02T12:00:00Z", *["2026-11-02T12:00:00Z"] * 2]


def test_an_answer_that_is_over_in_the_middle_of_a_line(
    api: Api, cluster: KubernetesCluster
) -> None:
    """The API server ends it in good order when the node's kubelet goes away."""
    api.script = [
        (RUNNING, [at(1, "step 1"), at(2, "st", "")]),
        (RUNNING, [at(1, "step 1"), at(2, "step 2")]),
        (GONE, []),
    ]
    assert said(cluster) == ["step 1", "step 2"]


def test_a_line_that_never_ends_is_given_out_at_the_end(
    api: Api, cluster: KubernetesCluster
) -> None:
    api.script = [(RUNNING, [at(1, "no end", "")]), (ENDED, [at(1, "no end", "")])]
    assert said(cluster) == ["no end"]
    api.script = [(RUNNING, [at(1, "no end", ""), NOT_FOUND]), (GONE, [])]
    assert said(cluster) == ["no end"]


def test_kubelets_words_are_not_output(api: Api, cluster: KubernetesCluster) -> None:
    """The container was cleared away while its output was followed."""
    api.script = [(RUNNING, [at(1, "ready"), at(2, "bye"), NOT_FOUND]), (GONE, [])]
    assert said(cluster) == ["ready", "bye"]


def test_a_line_that_is_written_late_is_not_lost(api: Api, cluster: KubernetesCluster) -> None:
    """Standard error has said something later, and it has come earlier."""
    api.script = [
        (RUNNING, [at(3.01, "error"), BREAKS]),
        (ENDED, [at(3.01, "error"), at(2.99, "out")]),
    ]
    assert said(cluster) == ["error", "out"]


def test_a_bar_is_seen_while_it_is_drawn(
    api: Api, cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "REDRAW_S", 0)
    api.script = [(ENDED, [at(1, "one") + at(2, "10%\r20%", ""), b"\r30%", b"\r\n"])]
    given = list(cluster.logs(REF, "worker-0", follow=True))
    assert given == [at(1, "one"), at(2, "20%", ""), at(2, "30%", ""), at(2, "30%")]
    api.script = [(ENDED, [at(2, "10%\r20%", ""), b"\r30%", b"\r\n"])]
    assert list(cluster.logs(REF, "worker-0")) == [at(2, "30%")]


def test_a_reader_leaves_an_unended_line_to_later(api: Api, cluster: KubernetesCluster) -> None:
    api.script = [(RUNNING, [at(1, "one"), at(2, "tw", "")])]
    assert said(cluster, follow=False) == ["one"]
    api.script = [(ENDED, [at(1, "one"), at(2, "two", "")])]
    assert said(cluster, follow=False) == ["one", "two"]


def test_a_reader_takes_no_part_for_the_whole(api: Api, cluster: KubernetesCluster) -> None:
    api.script = [(ENDED, [at(1, "one"), BREAKS])]
    with pytest.raises(TemporaryFailure, match="broke off"):
        said(cluster, follow=False)
