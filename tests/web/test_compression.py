"""Answers as gzip."""

from __future__ import annotations

import gzip
import re

from portal.web.base import assets
from portal.web.base.compression import hidden_length

GZIP = {"Accept-Encoding": "gzip, br"}


def test_a_page_is_the_same_page_and_much_smaller(at_alices):
    plain = at_alices.get("/jobs/")
    small = at_alices.get("/jobs/", headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in small.headers["Vary"]
    assert len(small.data) < len(plain.data) / 3
    assert small.content_length == len(small.data)
    assert "<h1>Jobs</h1>" in gzip.decompress(small.data).decode()


def test_a_browser_that_refuses_gzip_gets_none(at_alices):
    answer = at_alices.get("/jobs/", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "Content-Encoding" not in answer.headers


def test_scripts_and_styles_are_packed_and_fonts_left_alone(at_alices):
    for name, packed in (("css/components.css", True), ("fonts/Inter-OFL.txt", True)):
        path = f"/static/{assets.tree_hash()}/{name}"
        answer = at_alices.get(path, headers=GZIP)
        assert ("Content-Encoding" in answer.headers) == packed, name
        assert gzip.decompress(answer.data) == assets.files()[name].read_bytes()
        assert "immutable" in answer.headers["Cache-Control"]
    font = f"/static/{assets.tree_hash()}/fonts/inter-latin-wght-normal.woff2"
    assert "Content-Encoding" not in at_alices.get(font, headers=GZIP).headers
    missing = at_alices.get(f"/static/{assets.tree_hash()}/css/nothing.css", headers=GZIP)
    assert missing.status_code == 404


def test_a_stream_goes_out_as_it_is_made(at_alices):
    with at_alices.get("/events", headers=GZIP, buffered=False) as answer:
        assert "Content-Encoding" not in answer.headers
        assert next(iter(answer.response)).startswith(b"event: hello")


def test_the_length_tells_nothing(at_alices):
    data = b"the same page " * 100
    packed = [hidden_length(data) for _ in range(64)]
    assert {gzip.decompress(one) for one in packed} == {data}
    assert len({len(one) for one in packed}) > 8


def test_the_first_page_weighs_less_than_150_kb(at_alices):
    page = gzip.decompress(at_alices.get("/", headers=GZIP).data).decode()
    weight = len(at_alices.get("/", headers=GZIP).data)
    for address in sorted(set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))):
        weight += len(at_alices.get(address, headers=GZIP).data)
    assert weight < 150_000
