"""Run a command inside a running container (what ``kubectl exec`` does), to end what runs there."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import websocket
from kubernetes.client import Configuration
from kubernetes.stream.ws_client import get_websocket_url, websocket_proxycare

from portal.adapters.kubernetes import naming
from portal.adapters.kubernetes.client import KubernetesApi
from portal.domain.errors import TemporaryFailure

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
"""To connect, and between two pieces of the answer."""
AT_ONCE = 16
END_ALL = ("/bin/sh", "-c", "trap '' TERM; kill -TERM 1; kill -KILL -1")
"""The first process cannot be killed from inside, but ends when all others have; told to end,
it begins nothing anew meanwhile. It hands SIGTERM on to everybody, to this shell, too."""
_PROTOCOL = "v4.channel.k8s.io"


def end_processes(api: KubernetesApi, pods: Collection[str]) -> None:
    """Kill what runs in the pods with these paths; their nodes then see them end.

    What cannot be reached (no right, no shell, ended meanwhile) has to be waited for.
    """
    if pods:
        with ThreadPoolExecutor(min(len(pods), AT_ONCE)) as pool:
            list(pool.map(lambda pod: _end(api, pod), pods))


def _end(api: KubernetesApi, pod: str) -> None:
    words = [("command", word) for word in END_ALL]
    query = [("container", naming.CONTAINER), ("stdout", "true"), ("stderr", "true"), *words]
    try:
        configuration, url, headers = api.address(f"{pod}/exec?{urlencode(query)}")
        secured = get_websocket_url(url)  # type: ignore[no-untyped-call]
        _talk(configuration, secured, headers.get("authorization", ""))
    except (TemporaryFailure, websocket.WebSocketException, OSError) as error:
        log.info("%s cannot be ended from inside: %s", pod.rpartition("/")[2], error)


def _talk(configuration: Configuration, url: str, authorization: str) -> None:
    """Start the command and hear it out."""
    options: dict[str, Any] = {
        "header": [f"authorization: {authorization}"] if authorization else []
    }
    if configuration.proxy or configuration.proxy_headers:
        options = websocket_proxycare(  # type: ignore[no-untyped-call]
            options, configuration, url, {}
        )
    connection = websocket.create_connection(
        url,
        timeout=TIMEOUT_S,
        sslopt=_tls(configuration),
        subprotocols=[_PROTOCOL],
        **options,
    )
    try:
        while connection.connected and connection.recv():
            pass
    except websocket.WebSocketConnectionClosedException:
        return  # as a container's end is reported
    finally:
        # Not close(): after the other side's good-bye it would leave the socket open.
        connection.shutdown()  # type: ignore[no-untyped-call]


def _tls(configuration: Configuration) -> dict[str, object]:
    options: dict[str, object] = {"cert_reqs": ssl.CERT_NONE}
    if configuration.verify_ssl:
        options = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": configuration.ssl_ca_cert}
    if configuration.assert_hostname is not None:
        options["check_hostname"] = configuration.assert_hostname
    for name, value in (
        ("certfile", configuration.cert_file),
        ("keyfile", configuration.key_file),
        ("server_hostname", configuration.tls_server_name),
    ):
        if value:
            options[name] = value
    return options
