"""The web process: gunicorn with threads, told what to do by our settings.

The application's modules are imported before the fork, so its workers share them and a
restart is quick; the application itself, with its database handles, is made after the fork.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from portal.adapters.parent_death import die_with
from portal.processes.half_open import Limits
from portal.processes.initialise import initialise_in_child
from portal.processes.log_lines import configure_logging
from portal.processes.web_worker import MOST_KEPT, WebWorker
from portal.settings import Settings

log = logging.getLogger(__name__)

GRACEFUL_S = 5
SILENT_S = 120
"""A worker that has given no sign of life for so long is replaced."""
KEEP_ALIVE_S = 15
LISTEN_VARIABLE = "AOLI_LISTEN_FD"
"""A supervisor that has bound the port hands the socket over by this number."""


class PlainLogger(Logger):  # type: ignore[misc]
    """gunicorn's messages go where ours go."""

    def setup(self, cfg: Any) -> None:
        """Use the root logger's handler and format; no access log."""
        self.error_log.handlers[:] = []
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.access_log.propagate = False


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn without its command line."""

    def __init__(self, settings: Settings, bind: str) -> None:
        from portal.web.base.configuration import MAX_BODY

        self._settings = settings
        self._bind = bind
        self.limits = Limits(
            head_s=settings.request_head_s,
            body_s=settings.request_body_s,
            most=settings.max_half_open,
            most_body=MAX_BODY,
        )
        super().__init__()

    def load_config(self) -> None:
        """Our settings in gunicorn's words."""
        threads = self._settings.web_threads + self._settings.max_streams
        options: dict[str, Any] = {
            "bind": self._bind,
            "worker_class": WebWorker,
            "workers": self._settings.web_workers,
            # A stream holds a thread: the others must still find one. Made when needed.
            "threads": threads,
            "worker_connections": threads + MOST_KEPT + 2 * self.limits.most,
            "graceful_timeout": GRACEFUL_S,
            "timeout": SILENT_S,
            "keepalive": KEEP_ALIVE_S,
            "logger_class": PlainLogger,
            # gunicorn would believe X-Forwarded-Proto from this machine; trusted_proxies says whom.
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "proc_name": "aoli",
            "post_fork": _after_fork,
            "when_ready": _say_where,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application; called in each worker."""
        from portal.application import create_app
        from portal.processes import start_check

        app = create_app(self._settings)
        start_check.begin(self._settings, redis=True)
        return app


def _after_fork(arbiter: Arbiter, _worker: ThreadWorker) -> None:
    """A worker ends with its master, however that ends."""
    die_with(arbiter.pid)


def _say_where(arbiter: Arbiter) -> None:
    """Under a supervisor that bound the port, the supervisor says it."""
    if not os.environ.get(LISTEN_VARIABLE):
        log.info("serving at %s", ", ".join(str(listener) for listener in arbiter.LISTENERS))


def _bind(settings: Settings) -> str:
    handed_over = os.environ.get(LISTEN_VARIABLE)
    if handed_over:
        return f"fd://{handed_over}"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def run(settings: Settings) -> None:
    """The process ``aoli web``."""
    configure_logging()
    importlib.import_module("portal.application")
    from portal.wiring.keys import secret_keys

    initialise_in_child(settings)
    secret_keys(settings)  # what is wrong with them is one line here, not one of each worker
    gc.collect()
    gc.freeze()
    Server(settings, _bind(settings)).run()
