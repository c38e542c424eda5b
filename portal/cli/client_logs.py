"""Prints a job's output, or follows it through breaks of the connection to its end."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from portal.cli.http import Failed, PortalApi, Unreachable
from portal.cli.options import quote

SILENCE_S = 45.0
"""A stream says something every ten seconds; one that is silent for so long has died."""
PATIENCE_S = 120.0
PAUSE_S = 1.0
_BLOCK = 65536
_ERASE = b"\r\x1b[K"
"""Takes what a terminal shows of an unended line away."""
Event = dict[str, Any]


def print_logs(
    api: PortalApi, job_id: str, options: dict[str, Any], *, follow: bool, as_json: bool
) -> None:
    """Print to standard output what the command wrote, byte for byte."""
    path = f"/jobs/{quote(job_id)}/logs"
    if follow:
        _follow(api, path, options, as_json)
        return
    if not as_json:
        copy_answer(api, path, options)
        return
    with api.open("GET", path, query=options) as answer:
        lines = answer.read().decode("utf-8", "replace").split("\n")[:-1]
        click.echo(json.dumps({"lines": lines}, ensure_ascii=False))


def copy_answer(api: PortalApi, path: str, query: Mapping[str, Any]) -> None:
    """Copy an answer to standard output as it comes, byte for byte."""
    out = sys.stdout.buffer
    with api.open("GET", path, query=query) as answer:
        while block := answer.read(_BLOCK):
            out.write(block)
    out.flush()


def _follow(api: PortalApi, path: str, options: dict[str, Any], as_json: bool) -> None:
    live = sys.stdout.isatty()
    for event in _all_events(api, path, {**options, "follow": "1"}):
        kind = event.get("event", "line")
        if as_json:
            click.echo(json.dumps(_shown(kind, event), ensure_ascii=False))
        elif kind == "line":
            out = sys.stdout.buffer
            out.write((_ERASE if live else b"") + event["data"] + b"\n")
            out.flush()
        elif kind == "redraw" and live:  # a file gets the line when it has its end
            sys.stdout.buffer.write(_ERASE + json.loads(event["data"])["text"].encode())
            sys.stdout.buffer.flush()
        elif kind == "attempt" and event["data"] != b"1":
            click.echo(f"aoli: started again (attempt {event['data'].decode()})", err=True)
        elif kind == "end":
            told = json.loads(event["data"])
            code = told["exit_code"]
            shown = "" if code is None else f" with exit code {code}"
            click.echo(f"aoli: {told['status']}{shown}", err=True)


def _shown(kind: str, event: Event) -> dict[str, Any]:
    data = event["data"].decode("utf-8", "replace")
    return {"event": kind, "data": data if kind == "line" else json.loads(data)}


def _all_events(api: PortalApi, path: str, query: dict[str, Any]) -> Iterator[Event]:
    """Events up to ``end``; a stream that breaks off is opened again where it broke."""
    headers: dict[str, str] = {}
    heard = time.monotonic()
    while True:
        pause = PAUSE_S
        try:
            with api.open("GET", path, None, query, headers, SILENCE_S) as answer:
                for event in events(answer):
                    heard = time.monotonic()
                    headers.update({"Last-Event-ID": event["id"]} if "id" in event else {})
                    yield event
                    if event.get("event") == "end":
                        return
        except Failed as failed:
            busy = failed.status in (502, 503, 504)
            if not isinstance(failed, Unreachable) and not busy:
                raise
            if time.monotonic() - heard > PATIENCE_S:
                raise
            pause = float(failed.problem.get("retry_after_s", PAUSE_S))
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() - heard > PATIENCE_S:
                raise Unreachable(f"the portal at {api.url} broke off: {error}") from None
        time.sleep(pause)


def events(answer: http.client.HTTPResponse) -> Iterator[Event]:
    """The events of an open stream: ``data`` in bytes, ``event`` and ``id`` as text.

    A line of output is one event; several ``data`` lines of it were parted by carriage
    returns (by an older portal), which are put back.
    """
    event: Event = {}
    for raw in answer:
        line = raw.rstrip(b"\r\n")
        if not line:
            if "data" in event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            event["data"] = event["data"] + b"\r" + value if "data" in event else value
        elif name in (b"event", b"id"):
            event[name.decode()] = value.decode("utf-8", "replace")
