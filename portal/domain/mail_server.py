"""Where a mail server is, as a setting names it."""

from __future__ import annotations

TLS_PORT, PLAIN_PORT = 465, 25
SCHEMES = {"smtp": "auto", "smtps": "tls", "smtp+starttls": "starttls", "smtp+plain": "plain"}
SECURITIES = ("auto", "tls", "starttls", "plain")


def server_of(url: str, security: str = "auto") -> tuple[str, int, str]:
    """Host, port and security of ``host``, ``host:port``, or one with a scheme (``smtps://host``).

    A scheme counts where ``security`` is ``auto``. Raises ``ValueError``.
    """
    scheme, joint, rest = url.strip().rpartition("://")
    if joint and scheme not in SCHEMES:
        raise ValueError(f"{scheme}:// is none of {', '.join(SCHEMES)}")
    if joint and security == "auto":
        security = SCHEMES[scheme]
    if security not in SECURITIES:
        raise ValueError(f"{security} is none of {', '.join(SECURITIES)}")
    if "@" in rest:
        raise ValueError(
            "no log-in is taken here: it has settings of its own, smtp_login and smtp_password"
        )
    host, port = _host_and_port(rest.rstrip("/"))
    return host, port or (TLS_PORT if security == "tls" else PLAIN_PORT), security


def _host_and_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):  # an IPv6 address
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not host or any(sign in host for sign in "/ ") or (port and not port.isdecimal()):
        raise ValueError(f"{text!r} is no host or host:port")
    if port and not 0 < int(port) < 65536:
        raise ValueError(f"{port} is no port")
    return host, int(port) if port else None
