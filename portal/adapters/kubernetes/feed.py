"""One collection of the API, listed and then watched, in a thread of its own.

The library's informer has neither a time limit nor a back-off, and its ``Watch`` trips over
an expired version; the loop is short enough to be written down.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from queue import SimpleQueue

from portal.adapters.kubernetes.client import Json, KubernetesApi, Refusal, Stream, Timeout
from portal.domain.errors import TemporaryFailure

log = logging.getLogger(__name__)

WATCH_S = 300
WATCH_TIMEOUT: Timeout = (3.05, 315)
LONGEST_BACK_OFF_S = 30.0
SHORT_WATCH_S = 1.0
"""A watch that ends sooner is not opened anew at once."""
_GONE = 410


@dataclass(frozen=True, slots=True)
class Listed:
    """Everything there is, after a (re-)list."""

    feed: str
    items: list[Json]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was added, modified or deleted."""

    feed: str
    deleted: bool
    item: Json


@dataclass(frozen=True, slots=True)
class Broken:
    """The feed has lost the API and goes on trying."""

    feed: str
    why: str


@dataclass(frozen=True, slots=True)
class Mended:
    """The API answers again."""

    feed: str


News = Listed | Changed | Broken | Mended


class _Expired(Exception):
    """The version to go on from is no longer known: list again."""


def back_off_s(tries: int) -> float:
    """Seconds to wait after so many failures in a row: doubled, capped, spread out."""
    longest = min(LONGEST_BACK_OFF_S, 0.5 * 2.0 ** min(tries, 16))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing


class Feed(threading.Thread):
    """Puts the news of one collection into a queue until ``stop`` is set.

    ``optional``: when we may not look, it says that there is nothing, and asks again from time
    to time: a right may be missing for a moment only.
    """

    FORBIDDEN_S = 30.0

    def __init__(
        self,
        name: str,
        api: KubernetesApi,
        path: str,
        query: Mapping[str, str],
        out: SimpleQueue[News],
        stop: threading.Event,
        *,
        optional: bool = False,
    ) -> None:
        super().__init__(name=f"kubernetes-{name}", daemon=True)
        self.feed = name
        self._api = api
        self._path = path
        self._query = dict(query)
        self._out = out
        self._halt = stop
        self._optional = optional
        self._stream: Stream | None = None
        self._relist = threading.Event()

    def run(self) -> None:
        """List and watch, for ever."""
        tries = 0
        while not self._halt.is_set():
            try:
                version = self._list()
                tries = 0
                self._watch(version)
            except _Expired:
                self._halt.wait(back_off_s(0))
            except Exception as error:
                if isinstance(error, Refusal) and error.status == 403 and self._optional:
                    self._out.put(Listed(self.feed, []))
                    self._halt.wait(self.FORBIDDEN_S)
                    continue
                self._fail(error, tries)
                tries += 1

    def interrupt(self) -> None:
        """Give the present connection up and begin with a new list (or end, after stop)."""
        self._relist.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def _fail(self, error: Exception, tries: int) -> None:
        if self._halt.is_set():
            return
        if not isinstance(error, TemporaryFailure):
            log.exception("watching %s failed", self.feed)
        self._out.put(Broken(self.feed, str(error)))
        self._halt.wait(back_off_s(tries))

    def _list(self) -> str:
        self._relist.clear()
        items, version = self._api.pages(self._path, self._query)
        for item in items:
            _trim(item)
        self._out.put(Listed(self.feed, items))
        return version

    def _watch(self, version: str) -> None:
        """Pass on changes from ``version`` on; a watch that ran out is opened anew."""
        while not self._halt.is_set():
            if self._relist.is_set():
                raise _Expired
            began = time.monotonic()
            version = self._one_watch(version)
            if time.monotonic() - began < SHORT_WATCH_S:
                self._halt.wait(back_off_s(0))

    def _one_watch(self, version: str) -> str:
        query = {
            **self._query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_S),
        }
        try:
            stream = self._stream = self._api.stream(self._path, query, WATCH_TIMEOUT)
        except Refusal as refusal:
            if refusal.status == _GONE:
                raise _Expired from refusal
            raise
        try:
            if self._halt.is_set() or self._relist.is_set():
                return version  # interrupted while it was being opened
            for line in stream.lines():
                version = self._take(line, version)
        finally:
            self._stream = None
            stream.close()
        return version

    def _take(self, line: bytes, version: str) -> str:
        try:
            event = json.loads(line)
        except ValueError as error:
            raise TemporaryFailure("the watch broke off in the middle of a word") from error
        kind, item = event["type"], event["object"]
        if kind == "ERROR":
            if item.get("code") == _GONE:
                raise _Expired
            raise TemporaryFailure(f"the watch ended: {item.get('message', '')}")
        if kind != "BOOKMARK":
            _trim(item)
            self._out.put(Changed(self.feed, kind == "DELETED", item))
        return str(item["metadata"]["resourceVersion"])


class Pulse(threading.Thread):
    """Asks the API every few seconds whether it is there.

    A server that accepts and does not answer, or a network that swallows packets, would
    otherwise look like a quiet cluster for as long as a watch lasts.
    """

    EVERY_S = 5.0
    TIMEOUT: Timeout = (3.05, 5)
    FAILURES = 2

    def __init__(
        self, api: KubernetesApi, out: SimpleQueue[News], stop: threading.Event, feeds: list[Feed]
    ) -> None:
        super().__init__(name="kubernetes-pulse", daemon=True)
        self._api = api
        self._out = out
        self._halt = stop
        self._feeds = feeds

    def run(self) -> None:
        """Ask until stop."""
        failures = 0
        while not self._halt.wait(self.EVERY_S):
            try:
                self._api.call("GET", "/version", timeout=self.TIMEOUT)
            except TemporaryFailure as failure:
                failures += 1
                if failures == self.FAILURES:
                    self._out.put(Broken("pulse", failure.message))
                    for feed in self._feeds:
                        feed.interrupt()
            else:
                if failures >= self.FAILURES:
                    self._out.put(Mended("pulse"))
                failures = 0


def _trim(item: Json) -> None:
    """Forget the bookkeeping that makes up half of an object."""
    item["metadata"].pop("managedFields", None)
