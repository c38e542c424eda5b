"""Addresses that follow from the settings."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from portal.domain.mail import is_address
from portal.settings import Settings


def cluster_name(settings: Settings) -> str:
    """The physical cluster's name as users see it."""
    return settings.cluster_name or socket.gethostname().split(".")[0] or "cluster"


def mail_host(settings: Settings) -> str:
    """The host part of Message-IDs: the portal's address, else the sender's."""
    host = urlsplit(settings.public_url).hostname or settings.smtp_sender.rpartition("@")[2]
    return host if host and is_address(f"x@{host}") else "aoli.invalid"


def redis_url(settings: Settings) -> str:
    """The Redis that is in force: the one set, else the embedded server's socket."""
    return settings.redis_url or f"unix://{settings.data_dir / 'valkey' / 'valkey.sock'}"
