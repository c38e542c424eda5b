"""Answers as gzip, for browsers that take it: pages by a third to a tenth, scripts by as much.

A page holds secrets (its CSRF token) beside what the address says, so its length could tell an
eavesdropper who makes a browser ask again and again about the secret (BREACH). A file name of
random length inside each gzip stream hides the differences that such a guess lives on.
"""

from __future__ import annotations

import gzip
import secrets
import struct
import zlib
from functools import lru_cache

from flask import Flask, Response, request

from portal.web.base import assets

KINDS = frozenset(
    {
        *("text/html", "text/css", "text/csv", "text/javascript", "text/plain"),
        *("application/json", "application/problem+json", "application/javascript"),
        "image/svg+xml",
    }
)
SHORTEST = 600
"""What is shorter fits into one packet anyhow."""
PAGE_LEVEL, FILE_LEVEL = 5, 9
LONGEST_NAME = 100
HAS_NAME = 8
"""The flag of RFC 1952 that a file name follows the header."""


def _compress(response: Response) -> Response:
    if not _worth_it(response):
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"]:
        return response
    data = _file(response) if request.endpoint == assets.ENDPOINT else _page(response)
    if data is not None:
        response.set_data(data)
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("Accept-Ranges", None)
        response.headers.pop("ETag", None)  # it names the bytes that are not sent
    return response


def _worth_it(response: Response) -> bool:
    encoded = "Content-Encoding" in response.headers
    whole = response.status_code not in (204, 206, 304) and request.method != "HEAD"
    return response.mimetype in KINDS and whole and not encoded


def _page(response: Response) -> bytes | None:
    if response.is_streamed or response.direct_passthrough:
        return None  # a stream goes out as it is made
    data = response.get_data()
    return hidden_length(data) if len(data) >= SHORTEST else None


def _file(response: Response) -> bytes | None:
    data = response.get_data()
    return _packed(data) if response.status_code == 200 and len(data) >= SHORTEST else None


@lru_cache(maxsize=256)
def _packed(data: bytes) -> bytes:
    return gzip.compress(data, FILE_LEVEL, mtime=0)


def hidden_length(data: bytes) -> bytes:
    """``data`` as gzip with a file name of random letters and random length."""
    name = secrets.token_hex(LONGEST_NAME)[: secrets.randbelow(LONGEST_NAME)].encode()
    packer = zlib.compressobj(PAGE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    header = b"\x1f\x8b\x08" + bytes((HAS_NAME,)) + bytes(4) + b"\x00\xff" + name + b"\0"
    body = packer.compress(data) + packer.flush()
    return header + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def install(app: Flask) -> None:
    """Compress every answer for which it is worth it."""
    app.after_request(_compress)
