"""gunicorn's threaded worker, whose threads are for requests that have arrived as a whole."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from types import FrameType
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from portal.processes.half_open import HalfOpen, Lingering

MOST_KEPT = 256
"""Connections that wait for another request."""
STALLED_S = 30
"""An answer of which nothing is taken for so long is given up; live streams speak every 8 s."""
_LATER = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


class Conn(TConn):  # type: ignore[misc]
    """A connection that can wait in the poller for its request, and for its end."""

    def __init__(self, *given: Any, linger: Callable[[socket.socket], None]) -> None:
        super().__init__(*given)
        self.last = False
        self._linger = linger

    def accept_request(self, data: bytes, *, last: bool) -> None:
        """What was read is the next request; ``last``: and nothing after it can be read."""
        self.init()
        self.parser.unreader.unread(data)
        self.data_ready, self.last = True, last

    def close(self, graceful: bool = False) -> None:
        """Never wait here: this is the thread of the poller."""
        if graceful:
            self._linger(self.sock)
        else:
            util.close(self.sock)


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """See the module. On SIGTERM it also lets the open live streams end."""

    def run(self) -> None:
        """The loop; its parts need the poller, which is there now."""
        limits = self.app.limits
        self.max_keepalived = MOST_KEPT
        self._half_open = HalfOpen(self.poller, limits, super().enqueue_req, self._gone)
        self._lingering = Lingering(self.poller, limits.most)
        super().run()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection; its request may take longer."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno not in _LATER:
                raise
            return
        time_s = struct.pack("ll", STALLED_S, 0)
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, time_s)
        self.nr_conns += 1
        name = listener.getsockname()
        self.enqueue_req(Conn(self.cfg, sock, client, name, linger=self._lingering.take))

    def enqueue_req(self, conn: Conn) -> None:
        """gunicorn would give it a thread now; it gets one when its request is whole."""
        self._half_open.take(conn)

    def murder_pending(self) -> None:
        """gunicorn's moment to close what is late."""
        super().murder_pending()
        self._half_open.expire(stopping=not self.alive)
        self._lingering.expire()

    def _keepalive_after(self, conn: Conn, keepalive: bool) -> bool:
        return not conn.last and bool(super()._keepalive_after(conn, keepalive))

    def _gone(self, conn: Conn) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Streams last for minutes: without a word they would use up the grace period."""
        from portal.http.streams import stop_streams

        if self.wsgi is not None:
            stop_streams(self.wsgi)
        super().handle_exit(sig, frame)
