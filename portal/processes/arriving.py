"""The bytes of one HTTP request while they arrive: is it a whole one yet?

gunicorn's own parser says how the body is framed, so that both always agree.
"""

from __future__ import annotations

import re
from typing import Any

from gunicorn import http
from gunicorn.http.body import ChunkedReader

MAX_HEAD = 64 * 1024
MAX_LINE = 8190
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_END = b"\r\n\r\n"


class Arriving:
    """See the module. ``most_body`` bytes of a body are waited for; more is not our business.

    ``too_large``: the rest of the body has not been read, so nothing can follow it.
    """

    def __init__(self, cfg: Any, client: Any, most_body: int) -> None:
        self.data = bytearray()
        self.too_large = False
        self.expects = False
        self._cfg = cfg
        self._client = client
        self._most = most_body
        self._looked = 0
        self._body = 0
        self._length: int | None = None
        """Bytes of the body; ``None`` when they come in chunks."""

    @property
    def has_head(self) -> bool:
        """Whether request line and headers are complete."""
        return self._body > 0

    def add(self, data: bytes) -> None:
        """More of it."""
        self.data += data
        while not self.has_head and self.data.startswith(b"\r\n"):
            del self.data[:2]  # blank lines before a request mean nothing (RFC 9112, 2.2)

    def whole(self) -> bool:
        """Whether it can be handled without waiting; also when it is broken."""
        if not self.has_head:
            found = self.data.find(_END, max(0, self._looked - 3))
            self._looked = len(self.data)
            if found < 0:
                return False
            self._body = self._looked = found + len(_END)
            if not self._read_head():
                return True
        if self._length is None:
            return self._chunks_are_whole()
        self.too_large = self._length > self._most
        return self.too_large or len(self.data) >= self._body + self._length

    def _read_head(self) -> bool:
        """How the body comes; False when the parser does not take the head."""
        try:
            parsed = next(
                http.get_parser(self._cfg, [bytes(self.data[: self._body])], self._client)
            )
        except Exception:
            self.too_large = True  # it is answered, and the connection closed
            return False
        reader = parsed.body.reader
        self._length = None if isinstance(reader, ChunkedReader) else int(reader.length)
        self.expects = any(name.upper() == "EXPECT" for name, _ in parsed.headers)
        return True

    def _chunks_are_whole(self) -> bool:
        if len(self.data) - self._body > self._most:
            self.too_large = True
            return True
        while True:
            end = self.data.find(b"\r\n", self._looked)
            if end < 0:
                return len(self.data) - self._looked > MAX_LINE
            size = bytes(self.data[self._looked : end]).partition(b";")[0].rstrip(b" \t")
            if not _SIZE.fullmatch(size):
                return True
            after = end + 2 + int(size, 16)
            if not int(size, 16):
                return self.data[end : end + 4] == _END or self.data.find(_END, end + 2) >= 0
            if len(self.data) < after + 2:
                self.too_large = after - self._body > self._most
                return self.too_large
            self._looked = after + 2
