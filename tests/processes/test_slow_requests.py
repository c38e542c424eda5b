"""Requests that are sent slowly, or never as a whole, keep nobody else from being answered."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gunicorn.config import Config

from portal.processes.arriving import Arriving
from portal.testing.running import RunningPortal
from portal.testing.waiting import eventually

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SLOW = {
    "head": HEAD,
    "body": POST + b"Content-Length: 1000\r\n\r\nusername=",
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n40\r\n\r\n0\r\n\r\n",
    "large": POST + b"Content-Length: 9000000\r\n\r\nusername=",
    "never closed": HEAD + b"Connection: close\r\n\r\n",
    "nothing": b"",
}
ANSWER_S = 20.0
"""A deadline for a machine with much to do; without the fix there is no answer at all."""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with RunningPortal(tmp_path_factory.mktemp("portal"), AOLI_REQUEST_HEAD_S="600") as running:
        yield running


def connect(portal: RunningPortal) -> socket.socket:
    host, _, port = portal.url.removeprefix("http://").strip("/").partition(":")
    return socket.create_connection((host, int(port)), timeout=ANSWER_S)


def said(sock: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    answer = b""
    while piece := sock.recv(65536):
        answer += piece
    return answer


def ask(portal: RunningPortal, path: str) -> bytes:
    with connect(portal) as sock:
        sock.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        return said(sock).partition(b"\r\n")[0]


@pytest.mark.parametrize("kind", SLOW)
def test_three_hundred_that_are_half_sent_stop_nobody(portal: RunningPortal, kind: str) -> None:
    with ExitStack() as open_now:
        for number in range(300):
            sock = open_now.enter_context(connect(portal))
            sock.sendall(SLOW[kind])
            if number % 100 == 0:
                assert ask(portal, "/healthz") == b"HTTP/1.0 200 OK"
        assert ask(portal, "/healthz") == b"HTTP/1.0 200 OK"
        assert ask(portal, "/login/") == b"HTTP/1.0 200 OK"


@pytest.mark.parametrize("cut", [1, 20, len(HEAD) - 1])
def test_what_comes_in_pieces_is_answered(portal: RunningPortal, cut: int) -> None:
    with connect(portal) as sock:
        sock.sendall(HEAD[:cut])
        assert ask(portal, "/healthz") == b"HTTP/1.0 200 OK"
        sock.sendall(HEAD[cut:] + b"Connection: close\r\n\r\n")
        assert said(sock).startswith(b"HTTP/1.1 200 OK")


def test_requests_in_one_piece_are_answered_one_after_the_other(portal: RunningPortal) -> None:
    with connect(portal) as sock:
        sock.sendall((HEAD + b"\r\n") * 3 + HEAD[:9])
        sock.sendall(HEAD[9:] + b"Connection: close\r\n\r\n")
        assert said(sock).count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.parametrize("framing", ["length", "chunks", "expect"])
def test_a_body_in_pieces_arrives(portal: RunningPortal, framing: str) -> None:
    text = b'{"username": "admin", "password": "' + b"x" * 200_000 + b'"}'
    head = b"POST /api/v1/security/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\n"
    if framing == "chunks":
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        text = b"%x\r\n%s\r\n5;a=b\r\n     \r\n0\r\nX: y\r\n\r\n" % (len(text), text)
    else:
        expect = b"Expect: 100-continue\r\n" if framing == "expect" else b""
        head += expect + b"Content-Length: %d\r\n\r\n" % len(text)
    with connect(portal) as sock:
        sock.sendall(head)
        if framing == "expect":
            assert sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for start in range(0, len(text), 50_000):
            sock.sendall(text[start : start + 50_000])
        answer = said(sock).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    assert answer.startswith(b"HTTP/1.1 401"), answer[:300]


def test_a_body_that_is_too_large_is_answered(portal: RunningPortal) -> None:
    with connect(portal) as sock:
        sock.sendall(SLOW["large"])
        assert said(sock).startswith(b"HTTP/1.1 4")


def test_headers_without_an_end_are_refused(portal: RunningPortal) -> None:
    with connect(portal) as sock:
        sock.sendall(HEAD + b"X: " + b"y" * 70_000)
        assert said(sock).startswith(b"HTTP/1.1 431")


def test_who_is_late_is_told_and_cut_off(tmp_path: Path) -> None:
    late = {"AOLI_REQUEST_HEAD_S": "0.2", "AOLI_REQUEST_BODY_S": "0.2"}
    with RunningPortal(tmp_path, **late) as portal:
        for kind in ("head", "body", "chunks"):
            with connect(portal) as sock:
                sock.sendall(SLOW[kind])
                assert said(sock).startswith(b"HTTP/1.1 408"), kind
        with connect(portal) as idle:
            assert said(idle) == b""


def test_a_portal_that_ends_waits_for_no_half_request(tmp_path: Path) -> None:
    with RunningPortal(tmp_path) as portal, connect(portal) as half:
        half.sendall(b"")
        assert portal.stop() == 0
        eventually(lambda: said(half) == b"")


def whole_after(pieces: list[bytes]) -> list[bool]:
    request = Arriving(Config(), ("127.0.0.1", 1), 1000)
    answers = []
    for piece in pieces:
        request.add(piece)
        answers.append(request.whole())
    return answers


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.parametrize(
    "request_of",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        LENGTH % 5 + b"a\r\n\r\n",
        CHUNKED + b"0\r\n\r\n",
        CHUNKED + b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
        CHUNKED + b"A;x=y\r\n0123456789\r\n0\r\nT: 1\r\nU: 2\r\n\r\n",
    ],
)
def test_it_is_whole_with_its_last_byte(request_of: bytes) -> None:
    single = [bytes([octet]) for octet in request_of]
    assert whole_after(single) == [False] * (len(single) - 1) + [True]
    assert whole_after([request_of]) == [True]


@pytest.mark.parametrize(
    "broken",
    [
        b"no request\r\n\r\n",
        LENGTH % 5000,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        CHUNKED + b"+5\r\n",
        CHUNKED + b"5000\r\n",
        CHUNKED + b"1\r\na\r\n" * 300,
    ],
)
def test_what_is_broken_or_too_large_is_not_waited_for(broken: bytes) -> None:
    assert whole_after([broken]) == [True]


def test_nobody_is_believed_to_be_a_proxy_who_was_not_named(portal: RunningPortal) -> None:
    with connect(portal) as sock:
        sock.sendall(b"GET /login/ HTTP/1.0\r\nHost: x\r\nX-Forwarded-Proto: https\r\n\r\n")
        head = said(sock).partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.0 200")
    assert b"strict-transport-security" not in head
