"""Queue, events, mail and plugins that the settings choose."""

from __future__ import annotations

import logging

from portal.ports import Events, Mailer, Queue
from portal.settings import Settings
from portal.spi.registry import Registry, load_registry
from portal.wiring.addresses import redis_url

log = logging.getLogger(__name__)


def load_plugins(settings: Settings) -> Registry:
    """The plugins that work; what is left out is logged with what to do."""
    registry = load_registry(settings.plugins).lacking(settings.local_devices, "AOLI_LOCAL_DEVICES")
    for plugin in registry.plugins:
        if plugin.status != "ok":
            log.error("plugin %s (%s) is left out: %s", plugin.name, plugin.group, plugin.reason)
    return registry


def make_queue(settings: Settings) -> Queue:
    """The queue of the Redis in force."""
    from portal.adapters.redis_queue import RedisQueue

    return RedisQueue(redis_url(settings))


def make_events(settings: Settings) -> Events:
    """The events of the Redis in force."""
    from portal.adapters.redis_events import RedisEvents

    return RedisEvents(redis_url(settings))


def make_mailer(settings: Settings) -> Mailer | None:
    """The mail server that the settings name, if any."""
    if not settings.smtp_url:
        return None
    from portal.adapters.smtp import SmtpMailer, SmtpServer

    server = SmtpServer.read(
        settings.smtp_url,
        settings.smtp_security,
        settings.smtp_login,
        settings.smtp_password.get_secret_value(),
    )
    return SmtpMailer(server)
