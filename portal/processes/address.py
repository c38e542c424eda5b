"""Where the portal listens, and where it is reached."""

from __future__ import annotations

import socket


class AddressTaken(Exception):
    """The address cannot be had; the text says why, in one line."""


def listen(host: str, port: int) -> socket.socket:
    """Bind the address, or say in one line why it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        raise AddressTaken(f"{host} port {port}: {why}; choose another with --port") from error
    return listener


def reachable(host: str) -> str:
    """Where this machine itself reaches a server bound to ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def url_of(listener: socket.socket) -> str:
    """The address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
