"""Talks to the Kubernetes API in raw JSON, with time limits, in one place.

Lists of pods as the client library's models cost fifteen times what the JSON costs, and the
models refuse answers of other versions; so only the library's transport (kubeconfig,
in-cluster account, tokens that are renewed, TLS, proxies) is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

import urllib3
import yaml
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config
from kubernetes.client.exceptions import ApiException

from portal.domain.errors import TemporaryFailure

Json = dict[str, Any]
Timeout = tuple[float, float]
"""Seconds to connect, and between two pieces of the answer."""

CALL_TIMEOUT: Timeout = (3.05, 15)
LIST_TIMEOUT: Timeout = (3.05, 60)
PAGE = 1000
_MAX_CONNECTIONS = 256
"""Kept open for the next call; the follower of output has one for each replica."""
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Refusal(TemporaryFailure):
    """The API answered, and said no.

    Whoever knows that asking again is useless makes a ``PermanentFailure`` of it; everything
    else (a missing right, a missing namespace) an operator can mend.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Stream:
    """An answer that is read while it comes; :meth:`close` may be called by any thread."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self._closed = False

    def blocks(self) -> Iterator[bytes]:
        """The answer as it comes in. Raises ``TemporaryFailure`` when it breaks off."""
        try:
            yield from self._response.stream(65536, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            # The last two: what urllib3 does when another thread has closed the answer.
            if not self._closed:
                raise TemporaryFailure(f"the connection broke off: {_words(error)}") from error

    def lines(self) -> Iterator[bytes]:
        """The answer's lines, each with its line end (but perhaps the last)."""
        rest = b""
        for block in self.blocks():
            *whole, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in whole)
        if rest:
            yield rest

    def close(self) -> None:
        """End reading, here or in another thread."""
        self._closed = True
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):
            pass  # it has ended by itself
        finally:
            self._response.close()


class KubernetesApi:
    """One connection pool to one API server; safe to share among threads and over a fork."""

    def __init__(self, kubeconfig: str = "") -> None:
        self._kubeconfig = kubeconfig
        self._lock = Lock()
        self._client: kubernetes_client.ApiClient | None = None
        self._owner = 0

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: Timeout = CALL_TIMEOUT,
    ) -> Json:
        """One question, one answer.

        Raises :class:`Refusal` for an answer that says no for a reason of the question's,
        ``TemporaryFailure`` when there is no answer or the server is in trouble.
        """
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        response = self._send(method, path, query, headers, body, timeout)
        try:
            data = response.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise TemporaryFailure(f"Kubernetes does not answer: {_words(error)}") from error
        finally:
            response.release_conn()
        _check(response.status, data)
        return _parse(data)

    def stream(self, path: str, query: Mapping[str, str], timeout: Timeout) -> Stream:
        """A long answer (a watch, a log)."""
        response = self._send("GET", path, query, {"Accept": "*/*"}, None, timeout)
        if response.status != 200:
            try:
                data = response.read()
            except (urllib3.exceptions.HTTPError, OSError):
                data = b""
            finally:
                response.release_conn()
            _check(response.status, data)
        return Stream(response)

    def pages(self, path: str, query: Mapping[str, str]) -> tuple[list[Json], str]:
        """All items of a list, and the version at which they were read."""
        return self._pages(path, query, "application/json")

    def metadata(self, path: str, query: Mapping[str, str]) -> list[Json]:
        """All items of a list without their contents (a Secret's stay on the server)."""
        return self._pages(path, query, _METADATA_LIST)[0]

    def _pages(self, path: str, query: Mapping[str, str], accept: str) -> tuple[list[Json], str]:
        items: list[Json] = []
        page = {**query, "limit": str(PAGE)}
        while True:
            answer = self.call("GET", path, query=page, accept=accept, timeout=LIST_TIMEOUT)
            items.extend(answer.get("items") or ())
            rest = answer["metadata"].get("continue")
            if not rest:
                return items, answer["metadata"].get("resourceVersion", "")
            page["continue"] = rest

    def address(self, path: str) -> tuple[kubernetes_client.Configuration, str, Mapping[str, str]]:
        """For who opens a connection of another kind: how to connect, URL, headers."""
        client = self._connected()
        _, url, headers, *_ = client.param_serialize("GET", path, auth_settings=["BearerToken"])
        return client.configuration, url, headers

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            if self._client is not None and self._owner == os.getpid():
                self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: dict[str, str],
        body: Json | None,
        timeout: Timeout,
    ) -> urllib3.BaseHTTPResponse:
        try:
            client = self._connected()
            prepared = client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = client.call_api(*prepared, _request_timeout=timeout)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise TemporaryFailure(f"Kubernetes does not answer: {_words(error)}") from error
        except ApiException as error:  # the library's word for broken TLS
            raise TemporaryFailure(f"Kubernetes does not answer: {error.reason}") from error
        response: urllib3.BaseHTTPResponse = answer.response
        return response

    def _connected(self) -> kubernetes_client.ApiClient:
        """The client of this process: connections do not survive a fork."""
        with self._lock:
            if self._client is None or self._owner != os.getpid():
                self._client = kubernetes_client.ApiClient(_configuration(self._kubeconfig))
                self._owner = os.getpid()
            return self._client


def _configuration(kubeconfig: str) -> kubernetes_client.Configuration:
    """The account to use: the file's, or that of the pod that this runs in."""
    configuration = kubernetes_client.Configuration()
    try:
        if kubeconfig:
            kubernetes_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=kubeconfig, client_configuration=configuration
            )
        else:
            kubernetes_config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
    except (kubernetes_config.ConfigException, OSError, yaml.YAMLError) as error:
        source = f"the kubeconfig {kubeconfig}" if kubeconfig else "the in-cluster account"
        raise TemporaryFailure(f"{source} cannot be used: {error}") from error
    # Everything here may be repeated and the callers do so; a retry inside a call would
    # only double its time limit.
    configuration.retries = urllib3.Retry(total=None, connect=1, read=0, redirect=0, status=0)
    configuration.connection_pool_maxsize = _MAX_CONNECTIONS
    configuration.keep_alive = True
    return configuration


def _check(status: int, data: bytes) -> None:
    if 200 <= status < 300:
        return
    said = _parse(data)
    message = str(said.get("message") or "").strip() or f"HTTP status {status}"
    if status in (401, 408, 429) or status >= 500:
        raise TemporaryFailure(f"Kubernetes is in trouble ({status}): {message}")
    raise Refusal(status, str(said.get("reason") or ""), message)


def _parse(data: bytes) -> Json:
    try:
        parsed = json.loads(data or b"{}")
    except ValueError:
        return {"message": data[:200].decode("utf-8", "replace")}
    return parsed if isinstance(parsed, dict) else {}


def _words(error: BaseException) -> str:
    """The reason inside urllib3's wrapping."""
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, BaseException) else error) or type(error).__name__
