"""Connections whose request is not there yet. They wait in the poller and hold no thread.

A thread that reads what somebody sends byte by byte, or never sends, is lost to everybody
else. So a request gets one when all of it has arrived. There is room for a number of such
connections, and each has a deadline; where there are more, the oldest of the address that has
the most of them goes. A request that is sent at once is answered however many are waiting.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from portal.processes.arriving import MAX_HEAD, Arriving

PIECE = 64 * 1024
MOST_BYTES = 64 * 1024 * 1024
"""Of all requests that wait together."""
LINGER_S = 2.0
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_MORE = b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
TOO_LATE = b"HTTP/1.1 408 Request Timeout" + _NO_MORE
TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large" + _NO_MORE


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for the head and for the body, connections that wait, bytes of a body."""

    head_s: float
    body_s: float
    most: int
    most_body: int


@dataclass(slots=True)
class _Guest:
    request: Arriving
    deadline: float
    address: str
    in_body: bool = False


class HalfOpen:
    """See the module. ``ready`` is called with a connection that can be handled, ``gone`` with
    one that was closed. Everything happens in the thread of the poller.
    """

    def __init__(
        self,
        poller: selectors.BaseSelector,
        limits: Limits,
        ready: Callable[[Any], None],
        gone: Callable[[Any], None],
    ) -> None:
        self._poller = poller
        self._limits = limits
        self._ready = ready
        self._gone = gone
        self._guests: dict[Any, _Guest] = {}

    def take(self, conn: Any) -> None:
        """Wait for the request of a connection: a new one, or one that is used again."""
        client = conn.client
        address = str(client[0]) if isinstance(client, tuple) and client else ""
        request = Arriving(conn.cfg, client, self._limits.most_body)
        self._guests[conn] = _Guest(request, time.monotonic() + self._limits.head_s, address)
        if conn.parser is not None:
            request.add(conn.parser.unreader.take_buffered())
        conn.sock.setblocking(False)
        self._poller.register(conn.sock, selectors.EVENT_READ, partial(self._read, conn))
        if request.data and self._is_settled(conn):
            return
        self._read(conn, conn.sock)
        while len(self._guests) > self._limits.most:
            self._drop(self._oldest())

    def expire(self, *, stopping: bool) -> None:
        """Close those that are late; when ``stopping`` also those that have sent nothing."""
        now = time.monotonic()
        for conn, guest in list(self._guests.items()):
            begun = bool(guest.request.data)
            if guest.deadline <= now or (stopping and not begun):
                self._drop(conn, TOO_LATE if begun else b"")

    def _read(self, conn: Any, _sock: socket.socket) -> None:
        try:
            data = conn.sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
            return
        self._guests[conn].request.add(data)
        if not self._is_settled(conn):
            self._save_memory()

    def _is_settled(self, conn: Any) -> bool:
        """Hand it over if it is whole; whether it waits no more."""
        guest = self._guests[conn]
        request = guest.request
        if request.whole():
            self._forget(conn)
            conn.accept_request(bytes(request.data), last=request.too_large)
            self._ready(conn)
            return True
        if not request.has_head and len(request.data) > MAX_HEAD:
            self._drop(conn, TOO_LONG)
            return True
        if request.has_head and not guest.in_body:
            guest.in_body, guest.deadline = True, time.monotonic() + self._limits.body_s
            if request.expects:
                with suppress(OSError):
                    conn.sock.send(CONTINUE)
        return False

    def _oldest(self) -> Any:
        """The first one of the address that has the most."""
        address = Counter(guest.address for guest in self._guests.values()).most_common(1)[0][0]
        return next(conn for conn, guest in self._guests.items() if guest.address == address)

    def _save_memory(self) -> None:
        held = sum(len(guest.request.data) for guest in self._guests.values())
        if held > MOST_BYTES:
            self._drop(max(self._guests, key=lambda conn: len(self._guests[conn].request.data)))

    def _forget(self, conn: Any) -> None:
        del self._guests[conn]
        with suppress(KeyError, ValueError, OSError):
            self._poller.unregister(conn.sock)

    def _drop(self, conn: Any, last_words: bytes = b"") -> None:
        self._forget(conn)
        with suppress(OSError):
            if last_words:
                conn.sock.send(last_words)
        self._gone(conn)


class Lingering:
    """Sockets whose answer is over: read until the other side closes, in the poller, too.

    Closed at once, the end of an answer could get lost; a thread that waits for it would wait
    for whoever never closes.
    """

    def __init__(self, poller: selectors.BaseSelector, most: int) -> None:
        self._poller = poller
        self._most = most
        self._ends: dict[socket.socket, float] = {}

    def take(self, sock: socket.socket) -> None:
        """Say that nothing more comes; close when the other side has, or after a while."""
        try:
            sock.shutdown(socket.SHUT_WR)
            sock.setblocking(False)
            self._poller.register(sock, selectors.EVENT_READ, self._read)
        except (OSError, ValueError, KeyError):
            sock.close()
            return
        self._ends[sock] = time.monotonic() + LINGER_S
        while len(self._ends) > self._most:
            self._drop(next(iter(self._ends)))

    def expire(self) -> None:
        """Close those that have had their time."""
        now = time.monotonic()
        for sock in [sock for sock, end in self._ends.items() if end <= now]:
            self._drop(sock)

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(sock)

    def _drop(self, sock: socket.socket) -> None:
        del self._ends[sock]
        with suppress(KeyError, ValueError, OSError):
            self._poller.unregister(sock)
        sock.close()
