"""The kept output of a job, as the console reads it: newest lines first time, then what grows.

A kept line is ``<RFC 3339 time> <text>``. The page names the place it has read to; when
the job has started anew since, the place names another attempt and the reading begins again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from portal.domain.errors import NotFound, TemporaryFailure
from portal.domain.job import AttemptRef
from portal.domain.job_state import JobState
from portal.http.access import actor
from portal.http.services import services
from portal.services.logs.files import read_from, split_lines
from portal.web.base.formats import ordinal
from portal.web.base.words import gettext, listed
from portal.web.jobs.items import JobItem

log = logging.getLogger(__name__)
NEWEST = 2000
FULL_BLOCK = 262144
FIRST_WINDOW, LARGEST_WINDOW = 512 * 1024, 16 * 1024 * 1024
MOST_COUNTED = 64 * 1024 * 1024
_RANK = re.compile(r"-(\d{1,6})$")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _pods(line: JobItem) -> list[dict[str, Any]]:
    """The replicas in rank order; ``label`` is the short word for one before its lines."""
    pods = services().jobs.replicas(actor(), line.job["id"])
    found = [_RANK.search(pod["name"]) for pod in pods]
    ranks = [int(match.group(1)) for match in found if match]
    if len(set(ranks)) < len(pods):  # not numbered: their names say which is which
        return [{**pod, "label": pod["name"], "title": _at_node(pod, pod["name"])} for pod in pods]
    return [_ranked(pod, rank) for rank, pod in sorted(zip(ranks, pods, strict=True), key=_first)]


def _first(pair: tuple[int, dict[str, Any]]) -> int:
    return pair[0]


def _ranked(pod: dict[str, Any], rank: int) -> dict[str, Any]:
    title = _at_node(pod, gettext("rank %(n)s", n=rank))
    return {**pod, "label": f"rank{rank}", "title": title}


def _at_node(pod: dict[str, Any], name: str) -> str:
    return listed([pod["node"], name]) if pod["node"] else name


def _choose(pods: list[dict[str, Any]], wanted: str) -> str:
    """The replica asked for, else the first; ``""`` while there is none."""
    names = [pod["name"] for pod in pods]
    if wanted and wanted not in names:
        raise NotFound("There is no such replica")
    return wanted or (names[0] if names else "")


def _ref(line: JobItem) -> AttemptRef:
    return AttemptRef(line.job["id"], line.job["attempts"])


def console_values(line: JobItem, wanted: str) -> dict[str, Any]:
    """What the console's page shows before its script runs."""
    pods = _pods(line)
    chosen = _choose(pods, wanted)
    return {
        "pods": pods,
        "chosen": chosen,
        "empty_text": _empty_text(line),
        **_plain(line, chosen),
    }


def _plain(line: JobItem, chosen: str) -> dict[str, Any]:
    """The newest lines for who has no script; ``unreadable`` when nobody can read them now."""
    try:
        return {"plain": last_lines(line, 200, chosen), "unreadable": False}
    except TemporaryFailure as failure:
        log.warning("output of %s: %s", line.job["id"], failure)
        return {"plain": "", "unreadable": True}


def _empty_text(line: JobItem) -> str:
    position = line.job["queue_position"]
    if line.state is JobState.QUEUED and position:
        return gettext(
            "No output yet. The job is %(position)s in the queue.", position=ordinal(position)
        )
    return gettext("There was no output.") if line.ended else gettext("No output yet.")


def console_lines(line: JobItem, wanted: str, after: str) -> dict[str, Any]:
    """Lines behind ``after`` (``attempt:number:offset``), or the newest when that is void.

    Each line is its time, its text, and its bytes in the file; ``begin`` is the place before
    the first.
    """
    pod = _choose(_pods(line), wanted)
    ref = _ref(line)
    attempt, number, offset = _place(after)
    restart = attempt != ref.attempt
    if not pod:
        found: list[bytes] = []
        number = offset = 0
    elif restart:
        found, number, offset = _newest(ref, pod)
    else:
        block = read_from(services().logs.path(ref, pod), offset)
        found, offset = split_lines(block), offset + len(block)
    lines = [_split(item) for item in found]
    size = sum(map(len, found))
    return {
        "lines": lines,
        "first": number + 1,
        "begin": f"{ref.attempt if pod else 0}:{number}:{offset - size}",
        "offset": f"{ref.attempt if pod else 0}:{number + len(lines)}:{offset}",
        "restart": restart and bool(pod),
        "more": size >= FULL_BLOCK // 2 and not restart,
        "running": line.state is JobState.RUNNING,
        "ended": line.ended,
    }


def earlier_lines(line: JobItem, wanted: str, before: str) -> dict[str, Any]:
    """The lines that end at ``before``, a ``begin`` of an earlier answer; none when it is void."""
    pod, ref = _choose(_pods(line), wanted), _ref(line)
    attempt, number, offset = _place(before)
    if not pod or attempt != ref.attempt or offset <= 0:
        return {"lines": [], "first": 1, "begin": f"{ref.attempt}:0:0"}
    found, end = _ending_at(ref, pod, offset)
    begin = end - sum(map(len, found))
    number = max(number - len(found), 0) if number else _lines_before(ref, pod, begin)
    return {
        "lines": [_split(item) for item in found],
        "first": number + 1,
        "begin": f"{ref.attempt}:{number}:{begin}",
    }


def _place(after: str) -> tuple[int, int, int]:
    parts = after.split(":")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 16 for part in parts):
        return -1, 0, 0
    attempt, number, offset = (int(part) for part in parts)
    return attempt, number, offset


def _newest(ref: AttemptRef, pod: str) -> tuple[list[bytes], int, int]:
    """The newest lines, how many are before them, and the place behind them."""
    found, end = _ending_at(ref, pod, services().logs.size(ref, pod))
    return found, _lines_before(ref, pod, end - sum(map(len, found))), end


def _ending_at(ref: AttemptRef, pod: str, size: int) -> tuple[list[bytes], int]:
    """The last lines of the file's first ``size`` bytes, and the place behind them.

    Reads a window that ends there; the window grows until it holds enough lines. The place
    comes from what was read, so nothing is lost while the file grows.
    """
    logs, window = services().logs, FIRST_WINDOW
    while True:
        start = max(0, size - window)
        block = read_from(logs.path(ref, pod), start, size - start)
        found = split_lines(block)[1 if start else 0 :]
        if len(found) >= NEWEST or start == 0 or window >= LARGEST_WINDOW:
            break
        window *= 4
    return found[-NEWEST:], start + len(block)


def _lines_before(ref: AttemptRef, pod: str, offset: int) -> int:
    """Number of lines before a place; 0 when counting them would take too long."""
    if not 0 < offset <= MOST_COUNTED:
        return 0
    counted = read = 0
    for block in services().logs.whole(ref, pod):
        part = block[: offset - read]
        counted += part.count(b"\n")
        read += len(part)
        if read >= offset:
            break
    return counted


def _split(item: bytes) -> tuple[str, str, int]:
    """Time and text of a kept line, and its bytes."""
    stamp, _, text = item.decode("utf-8", "replace").rstrip("\n").partition(" ")
    return stamp, text, len(item)


def last_lines(line: JobItem, count: int, pod: str = "") -> str:
    """The last lines without their times, as text."""
    name = pod or _choose(_pods(line), "")
    if not name:
        return ""
    found = services().logs.tail(_ref(line), name, count)
    return "\n".join(_COLOUR.sub("", _split(item)[1]) for item in found)


def download_blocks(line: JobItem, wanted: str) -> tuple[str, Iterator[bytes]]:
    """A file's name and its content."""
    pod = _choose(_pods(line), wanted)
    blocks = services().logs.whole(_ref(line), pod) if pod else iter(())
    return f"{line.job['name']}-{line.short_id}-{pod or 'output'}.log", chain(blocks)
